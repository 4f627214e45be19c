package httpapi

import (
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// admit lets a request in, or says why not: who is it (401), which workspace
// (400, 401), within the rate limit (429), with the needed scope (403). An
// empty scope needs none. Every request of a known caller costs one unit.
func (x *exchange) admit(needed access.Scope) error {
	x.set("Cache-Control", "no-store")
	who, err := x.authenticate()
	if err != nil {
		return err
	}
	x.who = who
	// Counted before the workspace is looked at, so that guessing workspaces
	// is not free and those answers, too, say how the key stands.
	decision := x.api.pm.Take(x.request.Context(), subject(who))
	x.tellRate(decision)
	id, err := chosenWorkspace(x.request, who)
	if err != nil {
		return err
	}
	x.actsIn = id.String()
	if !decision.Allowed {
		return errRate(decision)
	}
	if needed != "" && !who.Scopes.Has(needed) {
		return pmerr.New(pmerr.Forbidden, "Missing scope: %s", needed).With("scope", needed)
	}
	x.enter(id, needed)
	return nil
}

// enter binds the request to its workspace and its actor.
func (x *exchange) enter(id workspace.ID, scope access.Scope) {
	actor := x.actor()
	// A copy: others act in the same workspace at the same time.
	x.own = *x.api.pm.In(id, actor)
	x.workspace = &x.own
	// The keys of a workspace come with the power of the program's owner; over
	// HTTP nobody has more than the own key gives.
	x.workspace.Keys = nil
	if scope == access.Admin {
		x.workspace.Keys = x.api.pm.KeysOf(id, actor, x.who)
	}
}

func (x *exchange) actor() workspace.Actor {
	return workspace.Actor{
		Name: x.who.Name, IP: callerAddress(x.request, x.api.options.TrustProxy), Admin: x.who.Scopes.Has(access.Admin),
	}
}

// named gives another workspace than that of the request, by its name or by that
// of the branch that it follows. It carries no power over API keys.
func (x *exchange) named(field, name string) (*promptmetrics.Workspace, error) {
	id, err := x.api.pm.Named(name)
	if err != nil {
		return nil, pmerr.Invalid(field + " must be 1 to 128 letters, digits, '_' or '-', or the name of a branch that a workspace follows")
	}
	if !x.who.May(id) {
		return nil, pmerr.New(pmerr.Forbidden, "API key does not belong to the workspace in %s: promoting needs a master key", field)
	}
	ws := *x.api.pm.In(id, x.actor())
	ws.Keys = nil
	return &ws, nil
}

func (x *exchange) authenticate() (access.Identity, error) {
	if own := x.api.options.Authenticate; own != nil {
		return own(x.request)
	}
	return x.api.pm.Authenticate(x.context(), secretOf(x.request))
}

// secretOf finds the API key of a request. X-API-Key goes before a bearer
// token, which is only looked at if it has the form of a key.
func secretOf(r *http.Request) string {
	if key := r.Header.Get("X-Api-Key"); key != "" {
		return key
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	token = strings.TrimSpace(token)
	if strings.EqualFold(scheme, "Bearer") && strings.HasPrefix(token, "pm_") {
		return token
	}
	return ""
}

// chosenWorkspace is the one that the header names, else the key's own; for a
// master key without the header the default.
func chosenWorkspace(r *http.Request, who access.Identity) (workspace.ID, error) {
	switch named := r.Header["X-Workspace-Id"]; {
	case len(named) > 1:
		return workspace.ID{}, pmerr.New(pmerr.BadRequest, "X-Workspace-Id must be given once")
	case len(named) == 1:
		id, err := workspace.Parse(named[0])
		if err != nil {
			return workspace.ID{}, pmerr.New(pmerr.BadRequest, "X-Workspace-Id must be 1 to 128 letters, digits, '_' or '-'")
		}
		if !who.May(id) {
			return workspace.ID{}, pmerr.New(pmerr.Unauthorized, "API key does not belong to this workspace")
		}
		return id, nil
	case who.Workspace == access.Master:
		return workspace.Default(), nil
	}
	id, err := workspace.Parse(who.Workspace)
	if err != nil {
		return workspace.ID{}, pmerr.New(pmerr.Internal, "The identity of the caller names no workspace").Because(err)
	}
	return id, nil
}

// subject is what the rate limit counts.
func subject(who access.Identity) string {
	if who.KeyID != 0 {
		return "key:" + strconv.FormatInt(who.KeyID, 10)
	}
	return "login:" + who.Workspace + ":" + who.Name
}

// callerAddress is where a request comes from. The last entry of
// X-Forwarded-For is the one that the nearest proxy wrote; those before it are
// whatever the caller liked to send.
func callerAddress(r *http.Request, trustProxy bool) string {
	if forwarded := r.Header["X-Forwarded-For"]; trustProxy && len(forwarded) > 0 {
		list := forwarded[len(forwarded)-1]
		last := strings.TrimSpace(list[strings.LastIndexByte(list, ',')+1:])
		if address, err := netip.ParseAddr(last); err == nil {
			return address.Unmap().String()
		}
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
