package lockwell_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/sluicehq/sluice/pkg/client/lockwell"
)

// exampleServer stands in for a server, so that the example runs.
func exampleServer() *httptest.Server {
	f := &fake{objects: map[string][]byte{}, uploads: map[string]map[int][]byte{}, keys: map[string]string{}}
	return httptest.NewServer(http.HandlerFunc(f.ServeHTTP))
}

func Example() {
	server := exampleServer()
	defer server.Close()

	client, err := lockwell.New(lockwell.Config{
		Endpoint:    server.URL,             // "https://files.example.org"
		AccessKeyID: "LWAKWU5XXXTWISNKQHFW", // sluice key create …
		SecretKey:   "a secret",
	})
	if err != nil {
		log.Fatal(err)
	}
	defer client.CloseIdleConnections()
	ctx := context.Background()

	put, err := client.Put(ctx, "b", "notes/hello.txt", strings.NewReader("hello, Sluice"), &lockwell.PutOptions{
		Attributes: lockwell.Attributes{ContentType: "text/plain"},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(put.Key, put.Size)

	r, err := client.Get(ctx, "b", "notes/hello.txt", nil)
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	text, err := io.ReadAll(r)
	fmt.Println(string(text), err)

	_, err = client.Head(ctx, "b", "absent", nil)
	fmt.Println(errors.Is(err, lockwell.ErrNotFound))
	// Output:
	// notes/hello.txt 13
	// hello, Sluice <nil>
	// true
}
