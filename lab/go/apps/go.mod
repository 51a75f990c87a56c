// What the lab builds from this upstream. SPDX-License-Identifier: GPL-3.0-or-later
module podnet.example/lab/apps

go 1.24.0
