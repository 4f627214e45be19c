package main_test

import (
	"os"
	"testing"

	"github.com/promptmetrics-go/promptmetrics/cmd/promptmetrics-server/servertest"
)

// programs are built once for all tests.
var programs servertest.Programs

func TestMain(m *testing.M) { os.Exit(programs.Main(m)) }
