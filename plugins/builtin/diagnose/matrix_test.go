package diagnose

import (
	"slices"
	"testing"

	"github.com/firebreak-ops/firebreak/plugins/capability"
)

// pgxpool is a collector of pgxpool's own figures: sizes, how many connections
// were given out and the time that was waited for them, and neither who waits,
// holds, queries nor retries.
func pgxpool(in *capability.DiagnoseInput) {
	littleSaid(in)
	for _, w := range []*capability.Window{&in.Pool.Now, in.Pool.Baseline} {
		w.QueriesRPS = nil
		onlyMean(w)
	}
}

// openTelemetry is the semantic conventions of database clients: all but which
// requests are retries.
func openTelemetry(in *capability.DiagnoseInput) {
	in.Pool.Now.FirstAttemptsRPS, in.Pool.Baseline.FirstAttemptsRPS = nil, nil
}

// TestEveryCauseInEveryDialect holds that each cause is found whatever library
// the service's figures come from and, where the server itself was not read,
// that what is not known costs the name: another may stand there with no more
// than the confidence of a guess.
func TestEveryCauseInEveryDialect(t *testing.T) {
	all := map[capability.Cause][]scenario{
		capability.AppPoolTooSmall:         {poolLowered, culprit},
		capability.ConnectionLeak:          {leak},
		capability.DBMaxConnectionsTooLow:  {maxLowered},
		capability.IdleInTransaction:       {leftOpen},
		capability.SlowQuery:               {slow},
		capability.LockBlocking:            {convoy},
		capability.TrafficSpike:            {spike},
		capability.ConnectionStorm:         {storm},
		capability.NoisyClient:             {noisyNeighbour},
		capability.ReplicasTimesPool:       {full},
		capability.PgbouncerPoolTooSmall:   {behindPooler, poolerSmall},
		capability.PreparedTransaction:     {prepared},
		capability.HeldDuringExternalCall:  {externalCall},
		capability.StaleHalfOpen:           {halfOpen},
		capability.RoleOrDBLimit:           {roleLimitUnsaid},
		capability.SlowConnectAuth:         {slowAuth},
		capability.PgbouncerMaxClientConn:  {behindPooler, poolerRefuses},
		capability.ClientFDOrPortLimit:     {noFiles},
		capability.AutovacuumOrWraparound:  {convoy, vacuum},
		capability.ServerOverload:          {pasts(65), starvedServer},
		capability.FailoverOrWrongEndpoint: {readOnly},
	}
	if len(all) != len(causes) {
		t.Errorf("%d causes are tried, of %d", len(all), len(causes))
	}
	libraries := map[string]scenario{"HikariCP": hikari, "database/sql": goSQL, "pgxpool": pgxpool, "OpenTelemetry": openTelemetry}
	unread := map[string]scenario{
		"HikariCP, and exporters": func(in *capability.DiagnoseInput) { hikari(in); exported(in) },
		"pgxpool, and exporters":  func(in *capability.DiagnoseInput) { pgxpool(in); exported(in) },
		"pgxpool alone":           func(in *capability.DiagnoseInput) { pgxpool(in); noDatabase(in); in.Pooler = nil },
		"OpenTelemetry alone":     func(in *capability.DiagnoseInput) { openTelemetry(in); noDatabase(in); in.Pooler = nil },
	}
	const guess = 0.7
	for cause, how := range all {
		for name, library := range libraries {
			out := Connections(made(append(slices.Clone(how), library)...))
			isSound(t, out)
			if out.Top.Cause != cause {
				t.Errorf("%s: %s is taken for %s %.2f", name, cause, out.Top.Cause, out.Top.Confidence)
			}
		}
		for name, said := range unread {
			out := Connections(made(append(slices.Clone(how), said)...))
			isSound(t, out)
			if out.Top.Cause != cause && out.Top.Confidence > guess {
				t.Errorf("%s: %s is taken for %s %.2f", name, cause, out.Top.Cause, out.Top.Confidence)
			}
		}
	}
}
