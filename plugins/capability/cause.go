package capability

// Cause is a root cause of connection exhaustion.
type Cause string

// The causes. UnknownCause is an answer too: the saturated layer is named, and
// nothing explains it well enough.
const (
	AppPoolTooSmall         Cause = "app_pool_too_small"
	ConnectionLeak          Cause = "connection_leak"
	DBMaxConnectionsTooLow  Cause = "db_max_connections_too_low"
	IdleInTransaction       Cause = "idle_in_transaction"
	SlowQuery               Cause = "slow_query"
	LockBlocking            Cause = "lock_blocking"
	TrafficSpike            Cause = "traffic_spike"
	ConnectionStorm         Cause = "connection_storm"
	NoisyClient             Cause = "noisy_client"
	ReplicasTimesPool       Cause = "replicas_x_pool"
	PgbouncerPoolTooSmall   Cause = "pgbouncer_pool_too_small"
	PreparedTransaction     Cause = "prepared_transaction"
	HeldDuringExternalCall  Cause = "held_during_external_call"
	StaleHalfOpen           Cause = "stale_half_open"
	RoleOrDBLimit           Cause = "role_or_db_limit"
	SlowConnectAuth         Cause = "slow_connect_auth"
	PgbouncerMaxClientConn  Cause = "pgbouncer_max_client_conn"
	ClientFDOrPortLimit     Cause = "client_fd_or_port_limit"
	AutovacuumOrWraparound  Cause = "autovacuum_wraparound"
	ServerOverload          Cause = "server_overload"
	FailoverOrWrongEndpoint Cause = "failover"
	UnknownCause            Cause = "unknown"
)

// Causes returns every cause that a diagnosis may name, UnknownCause last.
func Causes() []Cause {
	return []Cause{
		AppPoolTooSmall, ConnectionLeak, DBMaxConnectionsTooLow, IdleInTransaction, SlowQuery, LockBlocking,
		TrafficSpike, ConnectionStorm, NoisyClient, ReplicasTimesPool, PgbouncerPoolTooSmall, PreparedTransaction,
		HeldDuringExternalCall, StaleHalfOpen, RoleOrDBLimit, SlowConnectAuth, PgbouncerMaxClientConn,
		ClientFDOrPortLimit, AutovacuumOrWraparound, ServerOverload, FailoverOrWrongEndpoint, UnknownCause,
	}
}

// Layer is where connections run out.
type Layer string

// The layers, from the service to the server.
const (
	ClientOS    Layer = "client_os"
	AppPool     Layer = "app_pool"
	Network     Layer = "network"
	Pooler      Layer = "pooler"
	ServerSlots Layer = "server_slots"
	Sessions    Layer = "sessions"
)

// Layers returns every layer.
func Layers() []Layer {
	return []Layer{ClientOS, AppPool, Network, Pooler, ServerSlots, Sessions}
}

// Risk is how much a remedy can make worse.
type Risk string

// The risks, lowest first.
const (
	LowRisk    Risk = "low"
	MediumRisk Risk = "medium"
	HighRisk   Risk = "high"
)

// Approval is who must say yes to a remedy.
type Approval string

// The approvals, the easiest first.
const (
	// PreApprovable is what a team may allow beforehand: it puts a young
	// change back, and can itself be put back.
	PreApprovable Approval = "pre_approvable"
	// OneClick is what the person on call allows, seeing what it hits.
	OneClick Approval = "one_click"
	// ByHand is what a person does, knowing what no plugin knows.
	ByHand Approval = "by_hand"
)
