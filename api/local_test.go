package api

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http/httptest"
	"strings"
	"testing"

	"tagma/access"
)

// A command's input and outputs pass through the server, in the order in which they were written, and its exit code.
func TestACommandGoesThrough(t *testing.T) {
	x := newShop(t)
	x.must(x.may.StartLocalToken())
	token, err := access.ReadLocalToken(x.w.Dir)
	x.must(err)
	x.s.c.Command = func(_ context.Context, c Command, in io.Reader, out, errOut io.Writer) int {
		text, err := io.ReadAll(in)
		fmt.Fprintf(out, "%v from %s: %d bytes", c.Args, c.From, len(text))
		fmt.Fprint(errOut, "a warning", err)
		_, _ = out.Write(bytes.Repeat([]byte("x"), 200<<10))
		return 3
	}
	server := httptest.NewServer(x.h)
	defer server.Close()
	var out, errOut bytes.Buffer
	code, err := Send(t.Context(), server.URL, token, Command{Verb: "query", Args: []string{"query", "true"}, From: "/somewhere"}, strings.NewReader(strings.Repeat("y", 3<<20)), &out, &errOut)
	x.must(err)
	if code != 3 || !strings.HasPrefix(out.String(), "[query true] from /somewhere: 3145728 bytesxxx") || out.Len() < 200<<10 || errOut.String() != "a warning<nil>" {
		t.Errorf("got %d, %.80q, %q", code, out.String(), errOut.String())
	}
	x.ok(200, "GET", v1+"/audit?action=command.run", nil).want(t, "items.0.object.key", "query")
	// An administrator's token is not enough, and nor is the local token from elsewhere.
	if _, err := Send(t.Context(), server.URL, x.tokens[access.Admin], Command{Args: []string{"query"}}, nil, &out, &errOut); err == nil {
		t.Error("an administrator's token was taken")
	}
	if r := x.do(request{method: "POST", path: commandPath, raw: true, header: map[string]string{"Authorization": "Bearer " + token}}); r.status != 403 {
		t.Errorf("from another machine: %d %s", r.status, r.body)
	}
	x.must(x.may.EndLocalToken())
	if _, err := Send(t.Context(), server.URL, token, Command{Args: []string{"query"}}, nil, &out, &errOut); err == nil {
		t.Error("an old local token was taken")
	}
}

func TestFramesThatBreakOff(t *testing.T) {
	var w bytes.Buffer
	f := &frames{w: &w, flush: func() error { return nil }}
	_, _ = f.stream(frameOut).Write([]byte("some"))
	var out bytes.Buffer
	if _, err := readFrames(&w, &out, io.Discard); err == nil || out.String() != "some" {
		t.Errorf("got %v and %q", err, out.String())
	}
}
