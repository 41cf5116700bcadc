package apply

import (
	"context"
	"time"

	"k8s.io/utils/clock"
)

const (
	// laneRest is how long the one worker of a surge rests, as a multiple of how long it worked.
	laneRest = 3
	// laneLook is how often those who do not work look whether the surge is over.
	laneLook = 10 * time.Millisecond
)

// A lane is how the workers give way to the callers at the door. During a surge more comes in than they could apply: what
// they leave waits a moment longer, while a caller who is not answered in time may never come again. So one of them
// goes on, a quarter of the time, and every receiver still has its turn.
type lane struct {
	clock   clock.Clock
	surging func() bool
	// free has room for one, and holds one while no worker is in the lane.
	free chan struct{}
}

func newLane(c clock.Clock, surging func() bool) *lane {
	l := &lane{clock: c, surging: surging, free: make(chan struct{}, 1)}
	l.free <- struct{}{}
	return l
}

// enter returns when the worker may go on, and whether it is in the lane, which it then has to leave. During a surge it
// is, unless ctx has ended.
func (l *lane) enter(ctx context.Context) (in bool) {
	for l.surging() {
		timer := l.clock.NewTimer(laneLook)
		select {
		case <-l.free:
			timer.Stop()
			return true
		case <-ctx.Done():
			timer.Stop()
			return false
		case <-timer.C():
		}
	}
	return false
}

// leave ends a worker's turn, which has taken a while, after a rest.
func (l *lane) leave(ctx context.Context, took time.Duration) {
	if l.surging() {
		timer := l.clock.NewTimer(laneRest * took)
		select {
		case <-ctx.Done():
		case <-timer.C():
		}
		timer.Stop()
	}
	l.free <- struct{}{}
}
