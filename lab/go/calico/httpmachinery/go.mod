// Stands in for a nested module that is required by Calico's go.mod but imported by none of the programs built here.
module github.com/projectcalico/calico/lib/httpmachinery

go 1.25.0
