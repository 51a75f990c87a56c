// SPDX-FileCopyrightText: 2026 The podnet.cni authors
// SPDX-License-Identifier: GPL-3.0-or-later

// Prints Calico's custom resource definitions as one YAML stream, out of the Calico module itself.
package main

import (
	"fmt"
	"os"

	"github.com/projectcalico/calico/libcalico-go/config"
	"sigs.k8s.io/yaml"
)

func main() {
	crds, err := config.AllCRDs()
	if err != nil {
		fmt.Fprintln(os.Stderr, "crds:", err)
		os.Exit(1)
	}
	for _, crd := range crds {
		text, err := yaml.Marshal(crd)
		if err != nil {
			fmt.Fprintf(os.Stderr, "crds: %s: %v\n", crd.Name, err)
			os.Exit(1)
		}
		fmt.Printf("---\n%s", text)
	}
}
