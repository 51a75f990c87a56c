// SPDX-FileCopyrightText: 2026 The podnet.cni authors
// SPDX-License-Identifier: GPL-3.0-or-later

//go:build tools

// Keeps the packages that are built by their import path in go.mod and go.sum.
package tools

import (
	_ "github.com/coredns/coredns"
)
