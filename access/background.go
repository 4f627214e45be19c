package access

import "context"

// background is a goroutine together with what ends it and tells its end.
type background struct {
	cancel context.CancelFunc
	done   chan struct{}
}

func inBackground(run func(ctx context.Context)) background {
	ctx, cancel := context.WithCancel(context.Background())
	b := background{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(b.done)
		run(ctx)
	}()
	return b
}

// end tells the goroutine to end and waits until it has, or until ctx is done.
// It may be called again.
func (b background) end(ctx context.Context) error {
	b.cancel()
	select {
	case <-b.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
