// Package proto is the wire contract between firebreak and its plugins,
// generated from plugin.proto. Plugins in other languages are written
// against that file; Go authors use package plugins instead.
package proto

//go:generate protoc -I . --go_out=. --go_opt=paths=source_relative --go-grpc_out=. --go-grpc_opt=paths=source_relative plugin.proto
