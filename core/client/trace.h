/* core/client/trace.h - what the client shows of its requests, to the hook and to the recorder. Called only while one of them is there
 * (core->traced); nothing is a plain call then, so that all come by. */
#ifndef DOCENT_CLIENT_TRACE_H
#define DOCENT_CLIENT_TRACE_H

#include "core/client/internal.h"
#include "core/client/recorder.h"

docent_status docent_trace_init(struct docent_core *core);
void docent_trace_sent(const struct docent_request *request);
void docent_trace_answered(const struct docent_request *request, docent_status status, size_t body_size);
void docent_trace_lost(const struct docent_request *request, bool sent);
void docent_trace_notified(struct docent_core *core, const struct wire_watcher_event *event);
void docent_trace_heartbeat(struct docent_core *core);
void docent_trace_link(struct docent_core *core, bool up);
/* A change of state; if the session is lost the recorder's events go to the log. */
void docent_trace_state(struct docent_core *core, const docent_state_event *event);

#endif
