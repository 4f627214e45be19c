package promptmetrics_test

import (
	"testing"

	"github.com/promptmetrics-go/promptmetrics/internal/dbtest"
	"github.com/promptmetrics-go/promptmetrics/redisnode"
)

func TestMain(m *testing.M) {
	redisnode.Quiet()
	dbtest.Main(m)
}
