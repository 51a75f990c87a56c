// SPDX-FileCopyrightText: 2026 The podnet.cni authors
// SPDX-License-Identifier: GPL-3.0-or-later

// The demo application: tells over HTTP which pod answers and which client address it sees.
package main

import (
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	host, err := os.Hostname()
	if err != nil {
		log.Fatal("myapp: ", err)
	}
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, `Hello MyApp | Version: v1 | <a href="hostname.html">Pod Name</a>`)
	})
	http.HandleFunc("/hostname.html", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, host)
	})
	http.HandleFunc("/client.html", func(w http.ResponseWriter, r *http.Request) {
		client, _, _ := net.SplitHostPort(r.RemoteAddr)
		fmt.Fprintln(w, client)
	})
	go exitOnSignal()
	log.Fatal(http.ListenAndServe(":80", nil))
}

// exitOnSignal ends the program at once: as PID 1 of a container it would otherwise ignore SIGTERM.
func exitOnSignal() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	<-signals
	os.Exit(0)
}
