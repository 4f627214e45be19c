// Command mount puts the /v1 routes into a server that has routes and a login
// of its own.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/httpapi"
)

func main() {
	pm, err := promptmetrics.New(promptmetrics.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = pm.Close() }()
	server := &http.Server{Addr: ":8080", Handler: routes(pm), ReadHeaderTimeout: 10 * time.Second}
	fmt.Println("listening on http://localhost:8080, prompts under /ai/v1")
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
}

func routes(pm *promptmetrics.Client) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "the shop's own front page")
	})
	httpapi.Mount(mux, pm, httpapi.Options{
		Prefix:       "/ai",
		Authenticate: session,
	})
	return mux
}

// session stands for the login that the shop already has.
func session(r *http.Request) (access.Identity, error) {
	user, password, ok := r.BasicAuth()
	if !ok || user != "ada" || password != "analytical" {
		return access.Identity{}, promptmetrics.ErrUnauthorized
	}
	return access.Identity{Name: user, Workspace: "shop", Scopes: access.Scopes{access.Read, access.Write}}, nil
}

// publish is what a handler of the shop does with the same client, in-process.
func publish(ctx context.Context, pm *promptmetrics.Client) error {
	shop, err := pm.Workspace("shop")
	if err != nil {
		return err
	}
	_, err = shop.Registry.Create(ctx, slogan(), signature())
	return err
}
