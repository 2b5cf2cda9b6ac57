/* tests/interop/CuratorPeer.java - Curator's part in what several languages do together. See talker.py for what is said.
 *
 * Each thing that is made has a thread of its own, which does what it is asked to, one after the other: some of Curator's recipes belong to
 * the thread that acquired them. */
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.zip.CRC32;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.imps.GzipCompressionProvider;
import org.apache.curator.retry.ExponentialBackoffRetry;
import org.apache.zookeeper.CreateMode;

public class CuratorPeer {
    /* What is asked of a recipe. */
    interface Thing {
        /* What is answered after "ok", or null: "no". */
        String act(String verb, String[] words) throws Exception;
    }

    /* What a recipe says without having been asked. */
    interface Teller {
        void tell(String event);
    }

    interface Maker {
        Thing make(CuratorFramework client, String path, String[] words, Teller teller) throws Exception;
    }

    static final Map<String, Maker> kinds = new HashMap<>();
    private static final Map<String, CuratorFramework> sessions = new ConcurrentHashMap<>();
    private static final Map<String, Thing> things = new ConcurrentHashMap<>();
    private static final Map<String, ExecutorService> threads = new HashMap<>();

    static byte[] bytes(String text) {
        return text.equals("-") ? new byte[0] : text.getBytes(StandardCharsets.UTF_8);
    }

    static String text(byte[] data) {
        return data.length == 0 ? "-" : new String(data, StandardCharsets.UTF_8);
    }

    static String textOf(CuratorFramework client, String path) throws Exception {
        return text(client.getData().forPath(path));
    }

    /* What stands in nodes of a folder, in order of their numbers. */
    static String labels(CuratorFramework client, Collection<String> paths) throws Exception {
        String[] labels = new String[paths.size()];
        String[] sorted = paths.toArray(new String[0]);
        Arrays.sort(sorted, (a, b) -> a.substring(a.length() - 10).compareTo(b.substring(b.length() - 10)));
        for (int i = 0; i < sorted.length; i++) labels[i] = textOf(client, sorted[i]);
        return String.join(" ", labels);
    }

    /* Of whoever is inside: what makes it has found nobody else there. "-": nobody asks. */
    static void enter(CuratorFramework client, String inside) throws Exception {
        if (!inside.equals("-")) client.create().withMode(CreateMode.EPHEMERAL).forPath(inside);
    }

    static void exit(CuratorFramework client, String inside) throws Exception {
        if (!inside.equals("-")) client.delete().forPath(inside);
    }

    /* By reading and writing without the version. */
    static void addOne(CuratorFramework client, String counter) throws Exception {
        int value = Integer.parseInt(textOf(client, counter));
        client.setData().forPath(counter, bytes(Integer.toString(value + 1)));
    }

    private static CuratorFramework session(String connect, String label) throws Exception {
        CuratorFramework client = CuratorFrameworkFactory.builder().connectString(connect).sessionTimeoutMs(4000).connectionTimeoutMs(4000)
                .retryPolicy(new ExponentialBackoffRetry(100, 10)).defaultData(bytes(label))
                .compressionProvider(new GzipCompressionProvider()).build();
        client.start();
        client.blockUntilConnected();
        return client;
    }

    /* Data that is compressed. */
    private static Thing pack(CuratorFramework client, String path, String[] words, Teller teller) {
        return (verb, asked) -> {
            try {
                if (verb.equals("put")) {
                    client.create().compressed().forPath(asked[0], asked[1].repeat(Integer.parseInt(asked[2])).getBytes(StandardCharsets.UTF_8));
                    return "";
                }
                byte[] data = client.getData().decompressed().forPath(asked[0]);
                CRC32 sum = new CRC32();
                sum.update(data);
                return String.format("%d %08x", data.length, sum.getValue());
            } catch (IOException trouble) {
                return "corrupt";
            }
        };
    }

    private static synchronized void say(String line) {
        System.out.println(line);
    }

    private static String serve(String name, String verb, String[] words) throws Exception {
        if (name.equals("session")) {
            if (verb.equals("end")) {
                sessions.remove(words[0]).close();
            } else {
                sessions.put(verb, session(words[0], words[1]));
            }
            return "";
        }
        if (!verb.equals("new")) return things.get(name).act(verb, words);
        String[] options = Arrays.copyOfRange(words, 3, words.length);
        things.put(name, kinds.get(words[0]).make(sessions.get(words[1]), words[2], options, event -> say("* " + name + " " + event)));
        return "";
    }

    private static void answer(String number, String name, String verb, String[] words) {
        try {
            String said = serve(name, verb, words);
            say(number + (said == null ? " no" : said.isEmpty() ? " ok" : " ok " + said));
        } catch (Throwable trouble) {
            trouble.printStackTrace();
            say(number + " error " + trouble.toString().replace('\n', ' '));
        }
    }

    public static void main(String[] args) throws Exception {
        kinds.put("pack", CuratorPeer::pack);
        CuratorLocks.register();
        CuratorLeaders.register();
        CuratorQueues.register();
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line; (line = input.readLine()) != null;) {
            List<String> words = Arrays.asList(line.split(" "));
            String number = words.get(0), name = words.get(1), verb = words.get(2);
            String[] rest = words.subList(3, words.size()).toArray(new String[0]);
            String thread = name.equals("session") ? name + " " + (verb.equals("end") ? rest[0] : verb) : name;
            threads.computeIfAbsent(thread, ignored -> Executors.newSingleThreadExecutor(task -> {
                Thread made = new Thread(task);
                made.setDaemon(true);
                return made;
            })).submit(() -> answer(number, name, verb, rest));
        }
        for (CuratorFramework client : sessions.values()) client.close();
        System.exit(0); /* A recipe that still waits has threads. */
    }
}
