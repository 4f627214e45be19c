package httpapi_test

import (
	"testing"
	"time"
)

func TestRetention(t *testing.T) {
	t.Parallel()
	s := start(t, func(s *setup) { s.Retention = 30 * 24 * time.Hour })
	const path = "/v1/retention"
	kept := func(days string) string { return `{"days":` + days + `,"default_days":30}` }
	forgotten := []string{"days must be an integer, or null for the server's default"}
	whole := []string{"days must be an integer"}
	beyond := []string{"days must be from 0 to 36500, or null for the server's default"}
	s.run(t, []scenario{
		{name: "the server's at first", key: reader, method: "GET", path: path, status: 200, json: kept("null")},
		{name: "its own", key: admin, method: "PUT", path: path, body: `{"days":7,"extra":1}`, status: 200, json: kept("7")},
		{name: "which everybody may see", key: reader, method: "GET", path: path, status: 200, json: kept("7")},
		{name: "of a workspace that the master names", key: boss, method: "PUT", path: path, body: `{"days":36500}`, status: 200, json: kept("36500")},
		{name: "days that are forgotten", key: admin, method: "PUT", path: path, body: `{}`, status: 422, fields: forgotten},
		{name: "days in words", key: admin, method: "PUT", path: path, body: `{"days":"7"}`, status: 422, fields: whole},
		{name: "half a day", key: admin, method: "PUT", path: path, body: `{"days":0.5}`, status: 422, fields: whole},
		{name: "days beyond numbers", key: admin, method: "PUT", path: path, body: `{"days":1e999}`, status: 422, fields: whole},
		{name: "fewer than none", key: admin, method: "PUT", path: path, body: `{"days":-1}`, status: 422, fields: beyond},
		{name: "more than a hundred years", key: admin, method: "PUT", path: path, body: `{"days":36501}`, status: 422, fields: beyond},
		{name: "a list", key: admin, method: "PUT", path: path, body: `[]`, status: 422, fields: []string{"body must be an object"}},
		{name: "no JSON", key: admin, method: "PUT", path: path, body: `{"days":}`, status: 400, message: "Invalid JSON body"},
		{name: "nothing", key: admin, method: "PUT", path: path, status: 400, message: "Invalid JSON body"},
		{name: "workers set none", key: worker, method: "PUT", path: path, body: `{"days":1}`, status: 403, message: "Missing scope: admin"},
		{name: "it is as it was", key: reader, method: "GET", path: path, status: 200, json: kept("36500")},
		{name: "not for another workspace", key: other, method: "GET", path: path, status: 200, json: kept("null")},
		{name: "for ever", key: admin, method: "PUT", path: path, body: `{"days":0}`, status: 200, json: kept("0")},
		{name: "null gives the server's back", key: admin, method: "PUT", path: path, body: `{"days":null}`, status: 200, json: kept("null")},
		{name: "delete", key: admin, method: "DELETE", path: path, status: 405},
	})
}
