package httpapi_test

import (
	"testing"
	"time"
)

// noon is the clock of tests that ask about days and months.
func noon() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) }

func atNoon(s *setup) { s.Now = noon }

func TestBudget(t *testing.T) {
	t.Parallel()
	s := start(t, atNoon)
	const path = "/v1/budget"
	budget := func(limit, spent, left string) string {
		return `{"month":"2026-11","budget_usd":` + limit + `,"spent_usd":` + spent + `,"remaining_usd":` + left + `}`
	}
	forgotten := []string{"budget_usd must be a number, or null for no limit"}
	wrong := []string{"budget_usd must be a number"}
	beyond := []string{"budget_usd must be from 0 to 1e12, or null for no limit"}
	s.run(t, []scenario{
		{name: "no limit at first", key: reader, method: "GET", path: path, status: 200, json: budget("null", "0", "null")},
		{name: "a limit", key: admin, method: "PUT", path: path, body: `{"budget_usd":10.5,"extra":1}`, status: 200, json: budget("10.5", "0", "10.5")},
		{name: "a log is spent", key: worker, method: "POST", path: "/v1/logs", body: `{"prompt_name":"p","version_tag":"1","cost_usd":4.25}`, status: 202},
		{name: "and counted", key: reader, method: "GET", path: path, status: 200, json: budget("10.5", "4.25", "6.25")},
		{name: "zero is a limit", key: boss, method: "PUT", path: path, body: `{"budget_usd":0}`, status: 200, json: budget("0", "4.25", "0")},
		{name: "a log is never refused", key: worker, method: "POST", path: "/v1/logs", body: `{"prompt_name":"p","version_tag":"1","cost_usd":1}`, status: 202},
		{name: "a limit that is forgotten", key: admin, method: "PUT", path: path, body: `{}`, status: 422, fields: forgotten},
		{name: "a limit in words", key: admin, method: "PUT", path: path, body: `{"budget_usd":"10"}`, status: 422, fields: wrong},
		{name: "a limit beyond numbers", key: admin, method: "PUT", path: path, body: `{"budget_usd":1e999}`, status: 422, fields: wrong},
		{name: "a limit below zero", key: admin, method: "PUT", path: path, body: `{"budget_usd":-0.01}`, status: 422, fields: beyond},
		{name: "a limit above all", key: admin, method: "PUT", path: path, body: `{"budget_usd":1e13}`, status: 422, fields: beyond},
		{name: "a list", key: admin, method: "PUT", path: path, body: `[]`, status: 422, fields: []string{"body must be an object"}},
		{name: "no JSON", key: admin, method: "PUT", path: path, body: `{"budget_usd":}`, status: 400, message: "Invalid JSON body"},
		{name: "nothing", key: admin, method: "PUT", path: path, status: 400, message: "Invalid JSON body"},
		{name: "workers set none", key: worker, method: "PUT", path: path, body: `{"budget_usd":null}`, status: 403, message: "Missing scope: admin"},
		{name: "it is as it was", key: reader, method: "GET", path: path, status: 200, json: budget("0", "5.25", "0")},
		{name: "none for another workspace", key: other, method: "GET", path: path, status: 200, json: budget("null", "0", "null")},
		{name: "null lifts it", key: admin, method: "PUT", path: path, body: `{"budget_usd":null}`, status: 200, json: budget("null", "5.25", "null")},
		{name: "delete", key: admin, method: "DELETE", path: path, status: 405},
	})
}

func TestBudgetOfTheServer(t *testing.T) {
	t.Parallel()
	usd := 100.0
	s := start(t, atNoon, func(s *setup) { s.MonthlyBudgetUSD = &usd })
	s.run(t, []scenario{
		{name: "is that of every workspace", key: other, method: "GET", path: "/v1/budget", status: 200, json: `{"month":"2026-11","budget_usd":100,"spent_usd":0,"remaining_usd":100}`},
		{name: "unless it has lifted it", key: admin, method: "PUT", path: "/v1/budget", body: `{"budget_usd":null}`, status: 200, json: `{"month":"2026-11","budget_usd":null,"spent_usd":0,"remaining_usd":null}`},
	})
}
