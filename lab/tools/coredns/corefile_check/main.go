// Says whether CoreDNS itself would take a Corefile, without starting a server.
//
// Reads the Corefile from standard input and prints one JSON object: {"coredns": "1.15.0", "accepted": true} or
// {"coredns": "1.15.0", "accepted": false, "error": "/etc/coredns/Corefile:3 - Error during parsing: …"}.
// With -stream it reads one JSON object {"path": …, "text": …} a line instead, and answers each with a line.
//
// The answer is that of caddy.ValidateAndExecuteDirectives with justValidate, and of making the servers after it: every
// plugin's setup runs, zones that two blocks serve at one address are found, nothing listens. Files that the Corefile names are looked for on this machine; -path tells from where imports are relative.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/coremain"

	_ "github.com/coredns/coredns/core/plugin"
)

type question struct {
	Path string `json:"path"`
	Text string `json:"text"`
}

type answer struct {
	CoreDNS  string `json:"coredns"`
	Accepted bool   `json:"accepted"`
	Error    string `json:"error,omitempty"`
}

func main() {
	path := flag.String("path", "/etc/coredns/Corefile", "the Corefile's name in errors, and what imports are relative to")
	stream := flag.Bool("stream", false, "read a JSON object a line, answer each")
	flag.Parse()
	answers := json.NewEncoder(os.Stdout)
	os.Stdout = os.Stderr // plugins write their warnings to it
	os.Setenv("AWS_EC2_METADATA_DISABLED", "true") // route53 would ask it for its region
	log.SetOutput(io.Discard)
	offerAPI()
	made := keepContexts()
	if err := serve(os.Stdin, answers, *path, *stream, made); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
}

func serve(in io.Reader, answers *json.Encoder, path string, stream bool, made *contexts) error {
	if !stream {
		text, err := io.ReadAll(io.LimitReader(in, 8<<20))
		if err != nil {
			return err
		}
		return answers.Encode(check(path, string(text), made))
	}
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF && len(line) == 0 {
			return nil
		}
		var asked question
		if err := json.Unmarshal(line, &asked); err != nil {
			return err
		}
		if asked.Path == "" {
			asked.Path = path
		}
		if err := answers.Encode(check(asked.Path, asked.Text, made)); err != nil {
			return err
		}
	}
}

func check(path, text string, made *contexts) (found answer) {
	found = answer{CoreDNS: coremain.CoreVersion}
	defer func() {
		if cause := recover(); cause != nil {
			found.Accepted, found.Error = false, fmt.Sprintf("panic: %v", cause)
		}
	}()
	input := caddy.CaddyfileInput{Filepath: path, Contents: []byte(text), ServerTypeName: "dns"}
	if err := caddy.ValidateAndExecuteDirectives(input, nil, true); err != nil {
		found.Error = err.Error()
		return found
	}
	if _, err := made.last.MakeServers(); err != nil {
		found.Error = err.Error()
		return found
	}
	found.Accepted = true
	return found
}
