package rpc_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/sluicehq/sluice/pkg/rpc/rpctest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestConformance_Direct(t *testing.T) { rpctest.Run(t, rpctest.Direct) }
func TestConformance_NATS(t *testing.T)   { rpctest.Run(t, rpctest.OverNATS) }
