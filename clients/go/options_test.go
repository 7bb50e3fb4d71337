package cidadao

import (
	"testing"
	"time"
)

func TestDelaysGrowToALimitAndAreSpread(t *testing.T) {
	policy := RetryPolicy{InitialDelay: time.Second, Multiplier: 2, MaxDelay: 8 * time.Second}
	for failures, most := range map[int]time.Duration{1: 1, 2: 2, 4: 8, 5: 8, 10_000: 8} {
		most *= time.Second
		seen := map[time.Duration]bool{}
		for range 20 {
			delay := policy.delay(failures, 0)
			if delay < most/2 || delay > most {
				t.Errorf("delay %s after %d failures", delay, failures)
			}
			seen[delay] = true
		}
		if len(seen) < 2 {
			t.Error("clients return together")
		}
	}
	if delay := policy.delay(1, 30*time.Second); delay < 30*time.Second {
		t.Errorf("delay %s is shorter than was asked", delay)
	}
}
