package api

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// The console's types are those of the document that is served. TAGMA_TYPES=write writes them anew.
func TestTheTypesOfTheConsole(t *testing.T) {
	console, err := filepath.Abs("../web/console")
	if err != nil {
		t.Fatal(err)
	}
	tool := filepath.Join(console, "node_modules", ".bin", "openapi-typescript")
	if _, err := os.Stat(tool); err != nil {
		t.Skip("openapi-typescript is not installed: make console")
	}
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("there is no node")
	}
	x := newShop(t)
	dir := t.TempDir()
	document, made := filepath.Join(dir, "openapi.json"), filepath.Join(dir, "schema.d.ts")
	x.must(os.WriteFile(document, x.ok(200, "GET", "/api/openapi.json", nil).body, 0o600))
	// As `npm run types` does.
	cmd := exec.Command(tool, document, "--default-non-nullable=false", "-o", made)
	cmd.Dir = console
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	want, err := os.ReadFile(made)
	x.must(err)
	path := filepath.Join(console, "src", "api", "schema.d.ts")
	if os.Getenv("TAGMA_TYPES") == "write" {
		x.must(os.WriteFile(path, want, 0o644))
		return
	}
	is, err := os.ReadFile(path)
	x.must(err)
	if string(is) != string(want) {
		t.Error("web/console/src/api/schema.d.ts is not what the document says: run TAGMA_TYPES=write go test ./api -run TypesOfTheConsole")
	}
}
