package eval

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// busy is a model whose first answer is that it is asked too often.
type busy struct {
	Model
	asked int
}

func (b *busy) Ask(context.Context, Question) (Reply, error) {
	if b.asked++; b.asked == 1 {
		return Reply{}, pmerr.New(pmerr.ProviderRateLimited, "too many requests")
	}
	return Reply{Output: "paid"}, nil
}

// purse is a budget that others spend after a look at it.
type purse struct{ looks int }

func (p *purse) Check(context.Context) error {
	if p.looks++; p.looks == 1 {
		return nil
	}
	return pmerr.New(pmerr.BadRequest, "the budget is spent").With("code", budgetExceeded)
}

func TestTheBudgetIsAskedBeforeEachTry(t *testing.T) {
	t.Parallel()
	model, m := &busy{}, &meter{budget: &purse{}}
	_, err := Metered(model).Ask(m.on(t.Context()), Question{})
	require.ErrorContains(t, err, "the budget is spent")
	require.Equal(t, 1, model.asked)
	require.ErrorContains(t, m.refusal(), "the budget is spent")
}
