package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"tagma/access"
)

// route is a line of the table.
type route struct {
	method, path string
	// needs is the permission that it takes, unless one of the next three says otherwise.
	needs    access.Permission
	open     bool // to anybody
	signedIn bool // to anybody who is known, also those who have to change their password first
	local    bool // to commands on this machine
	// action is how the audit calls what it writes; "" for what writes nothing.
	action string
	retry  bool   // takes an Idempotency-Key
	big    bool   // takes a body of up to 20 MB, others 1 MB
	long   bool   // may take ten minutes, others half a one
	upload bool   // takes files, part by part, up to Config.ImportLimit, and hours
	stream bool   // answers for as long as the client goes on reading
	status int    // of success; 0 for 200, or 204 without a body
	media  string // of the answer; "" for JSON
	about  string
	add    func(*Server, huma.Operation)
	// describe adds to the document what the handler's types do not tell; it may be nil.
	describe func(*huma.Operation)
	raw      func(*Server, http.ResponseWriter, *http.Request) // instead of add: not in the document
}

const v1 = "/api/v1"

// table is every route behind sign-in, with what it takes: who may do what over HTTP is said here, and nowhere else but
// where access says which role has which permission. One thing more: a query for the identifiers or values of a whole
// answer takes the permission Export beside (Server.query).
//
// Answers to writes that tell a secret once (tokens, write keys, passwords) are never kept, so those take no
// Idempotency-Key.
func table() []*route {
	return []*route{
		{method: "POST", path: v1 + "/session", open: true, action: "session.begin", about: "Sign in", add: on((*Server).signIn)},
		{method: "GET", path: v1 + "/session", signedIn: true, about: "Who is signed in", add: on((*Server).session)},
		{method: "DELETE", path: v1 + "/session", signedIn: true, action: "session.end", about: "Sign out", add: on((*Server).signOut)},
		{method: "POST", path: v1 + "/session/password", signedIn: true, action: "user.password", about: "Change one's own password", add: on((*Server).changePassword)},

		{method: "GET", path: v1 + "/users", needs: access.Users, about: "Users", add: on((*Server).listUsers)},
		{method: "POST", path: v1 + "/users", needs: access.Users, action: "user.add", status: 201, about: "Make a user", add: on((*Server).addUser)},
		{method: "PATCH", path: v1 + "/users/{name}", needs: access.Users, action: "user.change", about: "Change a user", add: on((*Server).changeUser)},
		{method: "DELETE", path: v1 + "/users/{name}", needs: access.Users, action: "user.delete", about: "Delete a user", add: on((*Server).deleteUser)},
		{method: "GET", path: v1 + "/tokens", needs: access.Tokens, about: "Tokens of programs", add: on((*Server).listTokens)},
		{method: "POST", path: v1 + "/tokens", needs: access.Tokens, action: "token.add", status: 201, about: "Make a token", add: on((*Server).addToken)},
		{method: "DELETE", path: v1 + "/tokens/{id}", needs: access.Tokens, action: "token.revoke", about: "Revoke a token", add: on((*Server).revokeToken)},
		{method: "GET", path: v1 + "/sources", needs: access.Sources, about: "Sources and their write keys", add: on((*Server).listSources)},
		{method: "POST", path: v1 + "/sources", needs: access.Sources, action: "source.add", status: 201, about: "Make a source", add: on((*Server).addSource)},
		{method: "POST", path: v1 + "/sources/{name}/keys", needs: access.Sources, action: "source.key", status: 201, about: "Make another write key", add: on((*Server).addKey)},
		{method: "DELETE", path: v1 + "/sources/{name}/keys/{id}", needs: access.Sources, action: "source.revoke", about: "Revoke a write key", add: on((*Server).revokeKey)},
		{method: "GET", path: v1 + "/audit", needs: access.Audit, about: "Who did what", add: on((*Server).listAudit)},

		{method: "POST", path: v1 + "/backups", needs: access.Maintain, action: "backup.make", stream: true, media: backupMedia, about: "A backup of the workspace as it is now, for `tagma restore`", add: on((*Server).backup)},
		{method: "POST", path: v1 + "/check", needs: access.Maintain, long: true, about: "Hold the index against a fresh computation, and the logs against the history", add: on((*Server).check)},
		{method: "GET", path: v1 + "/clock", needs: access.Read, about: "The workspace's clock", add: on((*Server).clock)},
		{method: "PUT", path: v1 + "/clock", needs: access.Maintain, action: "clock.move", about: "Move a stopped clock forward", add: on((*Server).moveClock)},
		{method: "GET", path: v1 + "/timezone", needs: access.Read, about: "The workspace's time zone", add: on((*Server).timeZone)},
		{method: "PUT", path: v1 + "/timezone", needs: access.Maintain, action: "timezone.change", about: "Change the time zone; the server starts again with it", add: on((*Server).setTimeZone)},
		{method: "GET", path: v1 + "/overview", needs: access.Read, about: "The workspace in figures", add: on((*Server).overview)},
		{method: "GET", path: v1 + "/runs", needs: access.Read, about: "Runs, the latest first", add: on((*Server).listRuns)},
		{method: "POST", path: v1 + "/runs", needs: access.Compute, action: "run.start", retry: true, status: 202, about: "Start a run", add: on((*Server).startRun)},
		{method: "GET", path: v1 + "/runs/{id}", needs: access.Read, about: "A run", add: on((*Server).readRun)},
		{method: "POST", path: v1 + "/runs/{id}/cancel", needs: access.Compute, action: "run.cancel", about: "Cancel a run that goes on: it changes nothing", add: on((*Server).cancelRun)},
		{method: "GET", path: v1 + "/freshness", needs: access.Read, about: "How far what is shown is behind what happened", add: on((*Server).freshness)},

		{method: "GET", path: v1 + "/categories", needs: access.Read, about: "The tree of categories", add: on((*Server).categories)},
		{method: "POST", path: v1 + "/categories", needs: access.Define, action: "category.add", retry: true, status: 201, about: "Make a category", add: on((*Server).addCategory)},
		{method: "GET", path: v1 + "/categories/{key}", needs: access.Read, about: "A category; the / of its path is written %2F", add: on((*Server).readCategory)},
		{method: "PUT", path: v1 + "/categories/{key}", needs: access.Define, action: "category.change", retry: true, about: "Change a category", add: on((*Server).putCategory)},
		{method: "DELETE", path: v1 + "/categories/{key}", needs: access.Define, action: "category.retire", retry: true, about: "Retire a category", add: on((*Server).retireCategory)},
		{method: "GET", path: v1 + "/tags", needs: access.Read, about: "Tags", add: on((*Server).listTags)},
		{method: "POST", path: v1 + "/tags", needs: access.Define, action: "tag.add", retry: true, status: 201, about: "Make a tag", add: on((*Server).addTag)},
		{method: "POST", path: v1 + "/tags/preview", needs: access.Query, long: true, about: "What a tag would hold", add: on((*Server).previewTag)},
		{method: "GET", path: v1 + "/tags/{key}", needs: access.Read, about: "A tag", add: on((*Server).readTag)},
		{method: "PUT", path: v1 + "/tags/{key}", needs: access.Define, action: "tag.change", retry: true, about: "Change a tag; another key renames it", add: on((*Server).putTag)},
		{method: "DELETE", path: v1 + "/tags/{key}", needs: access.Define, action: "tag.retire", retry: true, about: "Retire a tag", add: on((*Server).retireTag)},
		{method: "GET", path: v1 + "/tags/{key}/versions", needs: access.Read, about: "What a tag was", add: on((*Server).tagVersions)},
		{method: "GET", path: v1 + "/tags/{key}/values", needs: access.Read, about: "How often its values are held", add: on((*Server).tagValues)},
		{method: "GET", path: v1 + "/tags/{key}/members", needs: access.ReadCustomers, about: "Who has it", add: on((*Server).tagMembers)},

		{method: "GET", path: v1 + "/segments", needs: access.Read, about: "Segments", add: on((*Server).listSegments)},
		{method: "POST", path: v1 + "/segments", needs: access.Define, action: "segment.add", retry: true, status: 201, about: "Make a segment", add: on((*Server).addSegment)},
		{method: "GET", path: v1 + "/segments/{key}", needs: access.Read, about: "A segment", add: on((*Server).readSegment)},
		{method: "PUT", path: v1 + "/segments/{key}", needs: access.Define, action: "segment.change", retry: true, about: "Change a segment; another key renames it", add: on((*Server).putSegment)},
		{method: "DELETE", path: v1 + "/segments/{key}", needs: access.Define, action: "segment.retire", retry: true, about: "Retire a segment", add: on((*Server).retireSegment)},
		{method: "GET", path: v1 + "/segments/{key}/versions", needs: access.Read, about: "What a segment was", add: on((*Server).segmentVersions)},
		{method: "GET", path: v1 + "/segments/{key}/members", needs: access.ReadCustomers, about: "Who is in it", add: on((*Server).segmentMembers)},

		{method: "GET", path: v1 + "/measures", needs: access.Read, about: "Named expressions", add: on((*Server).listMeasures)},
		{method: "POST", path: v1 + "/measures", needs: access.Define, action: "measure.add", retry: true, status: 201, about: "Make a named expression", add: on((*Server).addMeasure)},
		{method: "GET", path: v1 + "/measures/{key}", needs: access.Read, about: "A named expression", add: on((*Server).readMeasure)},
		{method: "PUT", path: v1 + "/measures/{key}", needs: access.Define, action: "measure.change", retry: true, about: "Change a named expression", add: on((*Server).putMeasure)},
		{method: "DELETE", path: v1 + "/measures/{key}", needs: access.Define, action: "measure.retire", retry: true, about: "Retire a named expression", add: on((*Server).retireMeasure)},
		{method: "GET", path: v1 + "/tables", needs: access.Read, about: "Lookup tables", add: on((*Server).listTables)},
		{method: "GET", path: v1 + "/tables/{key}", needs: access.Read, about: "A lookup table with its rows", add: on((*Server).readTable)},
		{method: "PUT", path: v1 + "/tables/{key}", needs: access.Define, action: "table.change", retry: true, big: true, about: "Make or change a lookup table", add: on((*Server).putTable)},
		{method: "DELETE", path: v1 + "/tables/{key}", needs: access.Define, action: "table.retire", retry: true, about: "Retire a lookup table", add: on((*Server).retireTable)},

		{method: "GET", path: v1 + "/definitions", needs: access.Read, media: "application/yaml", about: "All definitions as YAML", add: on((*Server).exportDefinitions)},
		{method: "POST", path: v1 + "/definitions/plan", needs: access.Query, big: true, long: true, about: "What a file would change", add: on((*Server).planDefinitions)},
		{method: "POST", path: v1 + "/definitions/apply", needs: access.Define, action: "definitions.apply", retry: true, big: true, long: true, about: "Apply a file", add: on((*Server).applyDefinitions)},

		{method: "POST", path: v1 + "/rules/check", needs: access.Query, about: "Check a rule", add: on((*Server).checkRule)},
		{method: "POST", path: v1 + "/rules/complete", needs: access.Query, about: "What may come next in a rule", add: on((*Server).completeRule)},
		{method: "POST", path: v1 + "/rules/explain", needs: access.Query, long: true, about: "How many customers each part of a rule holds for", add: on((*Server).explainRule)},
		{method: "POST", path: v1 + "/rules/format", needs: access.Query, about: "The one layout of a rule", add: on((*Server).formatRule)},
		{method: "POST", path: v1 + "/rules/form", needs: access.Query, about: "A rule for a visual builder", add: on((*Server).ruleForm)},
		{method: "POST", path: v1 + "/rules/text", needs: access.Query, about: "A rule from a visual builder", add: on((*Server).ruleText)},
		{method: "POST", path: v1 + "/rules/similar", needs: access.Query, long: true, about: "Definitions that mean the same, or nearly", add: on((*Server).similarRules)},

		{method: "POST", path: v1 + "/query", needs: access.Query, long: true, about: "Ask a rule on the spot", add: on((*Server).query)},
		{method: "POST", path: v1 + "/eligibility", needs: access.Query, long: true, about: "Yes or no for customers and rules", add: on((*Server).eligibility)},
		{method: "GET", path: v1 + "/customers", needs: access.ReadCustomers, about: "Find customers by an identifier", add: on((*Server).findCustomers)},
		{method: "GET", path: v1 + "/customers/{id}", needs: access.ReadCustomers, about: "A customer", add: on((*Server).readCustomer)},
		{method: "GET", path: v1 + "/customers/{id}/timeline", needs: access.ReadCustomers, about: "What a customer did", add: on((*Server).timeline)},
		{method: "POST", path: v1 + "/customers/{id}/explain", needs: access.ReadCustomers, long: true, about: "Why a rule, tag or segment holds", add: on((*Server).explainCustomer)},

		{method: "GET", path: v1 + "/assignments", needs: access.ReadCustomers, about: "What is assigned by hand", add: on((*Server).listAssignments)},
		{method: "POST", path: v1 + "/assignments", needs: access.Assign, action: "assignments.write", retry: true, long: true, about: "Assign, remove and release tags by hand", add: on((*Server).assign)},
		{method: "POST", path: v1 + "/consents", needs: access.Consent, action: "consents.write", retry: true, about: "Note what customers agreed to", add: on((*Server).consent)},

		{method: "POST", path: v1 + "/imports", needs: access.Import, action: "import.run", upload: true, describe: describeImport, about: "Import files", add: on((*Server).importFiles)},
		{method: "GET", path: v1 + "/imports", needs: access.Read, about: "Files that were imported, the latest first", add: on((*Server).listImports)},
		{method: "GET", path: v1 + "/imports/{id}/rejects", needs: access.Import, media: "text/csv", about: "The refused rows of an import", add: on((*Server).readRejects)},

		{method: "POST", path: commandPath, local: true, action: "command.run", long: true, raw: (*Server).command},
	}
}

// public are the routes that everybody may use: they check a write key themselves, or tell nothing about anybody.
func (s *Server) public() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		"GET /healthz": s.healthz, "GET /readyz": s.readyz, "GET /metrics": s.metrics.serve,
		"GET /api/openapi.json": s.document, "GET /api/docs": s.docs,
		"/v1/batch": s.collect, "/v1/track": s.collect, "/v1/identify": s.collect, "/v1/page": s.collect, "/v1/screen": s.collect,
	}
}

// routes puts all routes on the mux.
func (s *Server) routes() {
	config := huma.DefaultConfig("Tagma", s.c.Version)
	config.OpenAPIPath, config.DocsPath, config.SchemasPath = "", "", ""
	config.CreateHooks = nil // no $schema in bodies
	config.Transformers = append(config.Transformers, translate)
	config.Info.Description = "Customer tags from what customers are and do."
	config.RejectUnknownQueryParameters = true
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"token":   {Type: "http", Scheme: "bearer", BearerFormat: "tgm_…", Description: "A token of a program"},
		"session": {Type: "apiKey", In: "cookie", Name: cookieName, Description: "The console's session"},
	}
	a := &adapter{s: s, routes: map[string]*route{}}
	s.huma = huma.NewAPI(config, a)
	for _, r := range table() {
		id := operationID(r)
		a.routes[id] = r
		if r.raw != nil {
			s.mux.Handle(r.method+" "+r.path, s.guarded(r, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) { r.raw(s, w, req) })))
			continue
		}
		op := huma.Operation{OperationID: id, Method: r.method, Path: r.path, Summary: r.about, DefaultStatus: r.status,
			Tags: []string{strings.Split(strings.TrimPrefix(r.path, v1+"/"), "/")[0]}, MaxBodyBytes: bodyLimit, BodyReadTimeout: shortTime,
			Extensions: map[string]any{"x-permission": string(r.needs)}}
		if r.big {
			op.MaxBodyBytes, op.BodyReadTimeout = bigLimit, longTime
		}
		if !r.open {
			op.Security = []map[string][]string{{"token": {}}, {"session": {}}}
		}
		if r.retry {
			op.Parameters = append(op.Parameters, &huma.Param{Name: idempotencyHeader, In: "header", Schema: &huma.Schema{Type: "string"},
				Description: "The same key within a day gets the same answer, and nothing is done twice"})
		}
		if r.media != "" {
			op.Responses = map[string]*huma.Response{"200": {Description: r.about, Content: map[string]*huma.MediaType{r.media: {Schema: &huma.Schema{Type: huma.TypeString}}}}}
		}
		r.add(s, op)
		if r.describe != nil {
			r.describe(documented(s.huma.OpenAPI(), r))
		}
	}
	for pattern, h := range s.public() {
		s.mux.HandleFunc(pattern, h)
	}
	s.mux.HandleFunc("/api/", func(w http.ResponseWriter, r *http.Request) { newProblem(404, "there is nothing here").write(w, r) })
	if s.c.Console != nil {
		s.mux.Handle("/", s.c.Console)
	}
}

// documented is what the document says of a route.
func documented(doc *huma.OpenAPI, r *route) *huma.Operation {
	item := doc.Paths[r.path]
	return map[string]*huma.Operation{"GET": item.Get, "POST": item.Post, "PUT": item.Put, "PATCH": item.Patch, "DELETE": item.Delete}[r.method]
}

// operationID names a route in the document: get-tags-key.
func operationID(r *route) string {
	path := strings.NewReplacer("{", "", "}", "", "/", "-").Replace(strings.TrimPrefix(strings.TrimPrefix(r.path, v1), "/"))
	return strings.ToLower(r.method) + "-" + path
}

// on registers a typed handler: what it fails with becomes a problem.
func on[I, O any](h func(*Server, context.Context, *I) (*O, error)) func(*Server, huma.Operation) {
	return func(s *Server, op huma.Operation) {
		huma.Register(s.huma, op, func(ctx context.Context, in *I) (*O, error) {
			out, err := h(s, ctx, in)
			if err != nil {
				p := problemOf(err)
				if p.Status >= 500 && p.Status != http.StatusServiceUnavailable {
					s.log.Error("failed", "operation", op.OperationID, "error", err)
				}
				return nil, p
			}
			return out, nil
		})
	}
}
