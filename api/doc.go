// Package api is the HTTP face: the API under /api/v1, the intake under /v1, health and metrics, and the way by which
// commands go through a running server. It decides nothing: it reads requests, asks the packages below, and writes what
// they answer. routes.go is the table of all routes, with the permission that each takes.
package api
