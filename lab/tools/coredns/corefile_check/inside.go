package main

import (
	"errors"
	_ "unsafe" // for the links to caddy's tables

	"github.com/coredns/caddy"
	"github.com/coredns/caddy/caddyfile"
	"k8s.io/client-go/rest"
)

// An address nobody answers at: the kubernetes plugin makes its client at set-up and calls it only once it serves.
const noAPI = "http://127.0.0.1:9"

//go:linkname plugins github.com/coredns/caddy.plugins
var plugins map[string]map[string]caddy.Plugin

//go:linkname serverTypes github.com/coredns/caddy.serverTypes
var serverTypes map[string]caddy.ServerType

// contexts holds what caddy makes of a Corefile and keeps to itself.
type contexts struct{ last caddy.Context }

func keepContexts() *contexts {
	made := &contexts{}
	known := serverTypes["dns"]
	anew := known.NewContext
	known.NewContext = func(inst *caddy.Instance) caddy.Context {
		made.last = anew(inst)
		return made.last
	}
	serverTypes["dns"] = known
	return made
}

// offerAPI lets the kubernetes plugin be set up outside a cluster: where it would read its pod's service account, it
// gets an `endpoint` instead. Whatever else it refuses, it still refuses.
func offerAPI() {
	known := plugins["dns"]["kubernetes"]
	setup := known.Action
	known.Action = func(c *caddy.Controller) error {
		given := words(c.Dispenser)
		err := setup(c)
		if !errors.Is(err, rest.ErrNotInCluster) && (err == nil || err.Error() != "plugin/kubernetes: "+rest.ErrNotInCluster.Error()) {
			return err
		}
		again := *c
		again.Dispenser = caddyfile.NewDispenserTokens(c.File(), withEndpoint(given))
		return setup(&again)
	}
	plugins["dns"]["kubernetes"] = known
}

func words(from caddyfile.Dispenser) []caddyfile.Token {
	var found []caddyfile.Token
	for from.Next() {
		found = append(found, caddyfile.Token{File: from.File(), Line: from.Line(), Text: from.Val()})
	}
	return found
}

func withEndpoint(given []caddyfile.Token) []caddyfile.Token {
	last := given[len(given)-1]
	at := func(line int, text string) caddyfile.Token {
		return caddyfile.Token{File: last.File, Line: line, Text: text}
	}
	if last.Text == "}" {
		return append(given[:len(given)-1:len(given)-1], at(last.Line+1, "endpoint"), at(last.Line+1, noAPI), at(last.Line+2, "}"))
	}
	return append(given, at(last.Line, "{"), at(last.Line+1, "endpoint"), at(last.Line+1, noAPI), at(last.Line+2, "}"))
}
