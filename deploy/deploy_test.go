package deploy_test

import (
	"errors"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// files of this folder that set the server's environment.
func files() []string {
	return []string{"compose.yaml", "compose.cluster.yaml", "kubernetes.yaml", "promptmetrics.service", "../Dockerfile"}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path) //nolint:gosec // a file of the repository.
	require.NoError(t, err)
	return string(text)
}

// documents parses a YAML file.
func documents(t *testing.T, path string) (all []map[string]any) {
	t.Helper()
	decoder := yaml.NewDecoder(strings.NewReader(read(t, path)))
	for {
		var one map[string]any
		err := decoder.Decode(&one)
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err, path)
		all = append(all, one)
	}
}

// at walks down into a document: keys by name, list items by number.
func at(t *testing.T, document any, path ...any) any {
	t.Helper()
	for _, step := range path {
		switch step := step.(type) {
		case string:
			object, ok := document.(map[string]any)
			require.True(t, ok, "%v: no object at %q", path, step)
			document, ok = object[step]
			require.True(t, ok, "%v: nothing at %q", path, step)
		case int:
			list, ok := document.([]any)
			require.True(t, ok && len(list) > step, "%v: no item %d", path, step)
			document = list[step]
		}
	}
	return document
}

// Every variable that a file sets is one that the server reads.
func TestVariablesAreDocumented(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, name := range regexp.MustCompile("`([A-Z][A-Z0-9_]+)`").FindAllStringSubmatch(read(t, "../docs/configuration.md"), -1) {
		known[name[1]] = true
	}
	// Those of the other programs, and of the system.
	foreign := []string{
		"PATH", "REDISCLI_AUTH", "REDIS_PASSWORD", "ROOT_ACCESS_KEY", "ROOT_SECRET_KEY",
		"POSTGRES_DB", "POSTGRES_USER", "POSTGRES_PASSWORD", "CGO_ENABLED",
	}
	set := regexp.MustCompile(`(?m)\b([A-Z][A-Z0-9]*_[A-Z0-9_]+|PORT|HOST|DRIVER)(?:: |=)`)
	found := 0
	for _, path := range files() {
		for _, name := range set.FindAllStringSubmatch(read(t, path), -1) {
			found++
			require.True(t, known[name[1]] || slices.Contains(foreign, name[1]), "%s sets %s, which docs/configuration.md does not have", path, name[1])
		}
	}
	require.Greater(t, found, 30)
}

// The server may need 30 s to stop; whoever stops it must wait longer.
func TestTheServerIsGivenTimeToStop(t *testing.T) {
	t.Parallel()
	require.Equal(t, "35s", at(t, documents(t, "compose.yaml")[0], "services", "promptmetrics", "stop_grace_period"))
	cluster := documents(t, "compose.cluster.yaml")[0]
	require.Equal(t, "35s", at(t, cluster, "services", "node-1", "stop_grace_period"))
	require.Equal(t, at(t, cluster, "services", "node-1"), at(t, cluster, "services", "node-2"), "nodes are alike")
	pod := at(t, documents(t, "kubernetes.yaml")[1], "spec", "template", "spec")
	pause, _ := at(t, pod, "containers", 0, "lifecycle", "preStop", "sleep", "seconds").(int)
	require.Equal(t, 35+pause, at(t, pod, "terminationGracePeriodSeconds"))
	require.Contains(t, read(t, "promptmetrics.service"), "TimeoutStopSec=35\n")
}

// A deployment never keeps a secret of its own.
func TestSecretsComeFromOutside(t *testing.T) {
	t.Parallel()
	for _, path := range files() {
		for _, line := range regexp.MustCompile(`(?m)^\s*(?:-\s*)?\w*(?:SALT|PASSWORD|SECRET_KEY|TOKEN|API_KEY)\w*: (.*)$`).FindAllStringSubmatch(read(t, path), -1) {
			require.Regexp(t, `^\$\{\w+(:\?[^}]*|:-)\}`, line[1], path)
		}
	}
}

func TestKubernetesKeepsThePodLocked(t *testing.T) {
	t.Parallel()
	kinds := map[string]bool{}
	all := documents(t, "kubernetes.yaml")
	for _, one := range all {
		kind, _ := at(t, one, "kind").(string)
		kinds[kind] = true
	}
	require.Equal(t, map[string]bool{"ConfigMap": true, "Deployment": true, "Service": true, "PodDisruptionBudget": true}, kinds)
	pod := at(t, all[1], "spec", "template", "spec")
	require.Equal(t, true, at(t, pod, "securityContext", "runAsNonRoot"))
	container := at(t, pod, "containers", 0)
	require.Equal(t, true, at(t, container, "securityContext", "readOnlyRootFilesystem"))
	require.Equal(t, false, at(t, container, "securityContext", "allowPrivilegeEscalation"))
	for _, probe := range []string{"startupProbe", "readinessProbe", "livenessProbe"} {
		require.Equal(t, "/health", at(t, container, probe, "httpGet", "path"), probe)
	}
}
