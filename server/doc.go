// Package server is how other processes talk to the owner of a state: HTTP
// over a unix socket. Its routes are those of the later /v1 API:
//
//	POST   /v1/runs               start a run: StartRequest -> Started
//	GET    /v1/runs               list runs, newest first: []Summary (?unsettled=true, service=, limit=)
//	GET    /v1/runs/{id}          one run: View
//	GET    /v1/runs/{id}/events   its records, then those to come, one Line of JSON each (?from=N)
//	POST   /v1/runs/{id}/votes    approve or deny: VoteRequest
//	POST   /v1/runs/{id}/answers  answer a question that is not a gate: AnswerRequest
//	POST   /v1/runs/{id}/cancel   CancelRequest
//	POST   /v1/runs/{id}/skip     SkipRequest
//	POST   /v1/runs/{id}/retry    RetryRequest -> Started (of the new run)
//	POST   /v1/runs/{id}/undo     UndoRequest -> Started (of the new run, if this one has ended)
//	GET    /v1/halt               HaltView
//	PUT    /v1/halt               halt everything: HaltRequest
//	DELETE /v1/halt               lift the halt
//	GET    /v1/plugins            what the plugins are doing
//	GET    /v1/health             Health
//
// A GET never decides anything. Who asks is the operating system's user at
// the other end of the socket. An answer that is not 2xx is a [Problem]; see
// there for the statuses. Readers ignore fields that they do not know.
//
// The package knows values of the engine, and no runtime.
package server
