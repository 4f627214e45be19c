package httpapi_test

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/httpapi"
)

// The API beside the routes of a program that exists already.
func ExampleMount() {
	folder, err := os.MkdirTemp("", "promptmetrics")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	pm, err := promptmetrics.New(promptmetrics.Options{DataDir: folder})
	if err != nil {
		log.Fatal(err)
	}
	defer pm.Close()

	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "my program") })
	httpapi.Mount(mux, pm, httpapi.Options{Prefix: "/prompts-api"})

	for _, path := range []string{"/", "/prompts-api/health"} {
		answer := httptest.NewRecorder()
		mux.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, path, nil))
		fmt.Println(answer.Code, answer.Body)
	}
	// Output:
	// 200 my program
	// 200 {"status":"ok"}
}
