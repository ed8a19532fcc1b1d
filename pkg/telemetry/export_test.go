package telemetry

import "time"

// FlushWithin gives the collector of t's process another time than what it has.
func (t *Telemetry) FlushWithin(d time.Duration) { t.shared.within = d }
