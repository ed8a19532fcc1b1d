package edgetest

import "github.com/sluicehq/sluice/pkg/fault"

var errRefused = fault.New(fault.Invalid, "outbound.refused", "the address is not one that this server sends requests to")
