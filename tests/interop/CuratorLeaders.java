/* tests/interop/CuratorLeaders.java - leaders and barriers. */
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.recipes.barriers.DistributedBarrier;
import org.apache.curator.framework.recipes.barriers.DistributedDoubleBarrier;
import org.apache.curator.framework.recipes.leader.LeaderLatch;
import org.apache.curator.framework.recipes.leader.LeaderSelector;
import org.apache.curator.framework.recipes.leader.LeaderSelectorListenerAdapter;
import org.apache.curator.framework.recipes.leader.Participant;

final class CuratorLeaders {
    private static String ids(Iterable<Participant> participants) {
        List<String> ids = new ArrayList<>();
        for (Participant participant : participants) ids.add(participant.getId());
        return String.join(" ", ids);
    }

    /* ID: start, await MS, leads, leader, who, close. */
    private static CuratorPeer.Thing latch(CuratorFramework client, String path, String[] words, CuratorPeer.Teller teller) {
        LeaderLatch latch = new LeaderLatch(client, path, words[0]);
        return (verb, asked) -> {
            switch (verb) {
            case "start":
                latch.start();
                return "";
            case "await":
                return latch.await(Long.parseLong(asked[0]), TimeUnit.MILLISECONDS) ? "" : null;
            case "leads":
                return latch.hasLeadership() ? "" : null;
            case "leader":
                return latch.getLeader().getId();
            case "who":
                return ids(latch.getParticipants());
            case "close":
                latch.close();
                return "";
            default:
                throw new IllegalArgumentException(verb);
            }
        };
    }

    /* ID: start INSIDE; says "leads" when it does; leave: gives it up, does not stand again; requeue, leader, who, close. */
    private static CuratorPeer.Thing selector(CuratorFramework client, String path, String[] words, CuratorPeer.Teller teller) {
        Semaphore leave = new Semaphore(0);
        String inside = words[1];
        LeaderSelector selector = new LeaderSelector(client, path, new LeaderSelectorListenerAdapter() {
            @Override
            public void takeLeadership(CuratorFramework ignored) throws Exception {
                CuratorPeer.enter(client, inside);
                teller.tell("leads");
                leave.acquire();
                CuratorPeer.exit(client, inside);
            }
        });
        selector.setId(words[0]);
        return (verb, asked) -> {
            switch (verb) {
            case "start":
                selector.start();
                return "";
            case "leave":
                leave.release();
                return "";
            case "requeue":
                return selector.requeue() ? "" : null;
            case "leader":
                return selector.getLeader().getId();
            case "who":
                return ids(selector.getParticipants());
            case "close":
                selector.close();
                return "";
            default:
                throw new IllegalArgumentException(verb);
            }
        };
    }

    /* set, remove, wait MS. */
    private static CuratorPeer.Thing barrier(CuratorFramework client, String path, String[] words, CuratorPeer.Teller teller) {
        DistributedBarrier barrier = new DistributedBarrier(client, path);
        return (verb, asked) -> {
            switch (verb) {
            case "set":
                barrier.setBarrier();
                return "";
            case "remove":
                barrier.removeBarrier();
                return "";
            case "wait":
                return barrier.waitOnBarrier(Long.parseLong(asked[0]), TimeUnit.MILLISECONDS) ? "" : null;
            default:
                throw new IllegalArgumentException(verb);
            }
        };
    }

    /* MEMBERS: enter MS, leave MS. */
    private static CuratorPeer.Thing doubleBarrier(CuratorFramework client, String path, String[] words, CuratorPeer.Teller teller) {
        int members = Integer.parseInt(words[0]);
        DistributedDoubleBarrier[] round = {null};
        return (verb, asked) -> {
            long ms = Long.parseLong(asked[0]);
            if (verb.equals("leave")) return round[0].leave(ms, TimeUnit.MILLISECONDS) ? "" : null;
            round[0] = new DistributedDoubleBarrier(client, path, members); /* It is good for one round. */
            return round[0].enter(ms, TimeUnit.MILLISECONDS) ? "" : null;
        };
    }

    static void register() {
        CuratorPeer.kinds.put("latch", CuratorLeaders::latch);
        CuratorPeer.kinds.put("selector", CuratorLeaders::selector);
        CuratorPeer.kinds.put("barrier", CuratorLeaders::barrier);
        CuratorPeer.kinds.put("double", CuratorLeaders::doubleBarrier);
    }
}
