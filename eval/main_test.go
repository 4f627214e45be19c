package eval_test

import (
	"testing"

	"github.com/promptmetrics-go/promptmetrics/internal/dbtest"
)

func TestMain(m *testing.M) { dbtest.Main(m) }
