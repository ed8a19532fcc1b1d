module github.com/sluicehq/sluice/services/webhook

go 1.26.8

require (
	github.com/sluicehq/sluice/contracts v0.0.0
	github.com/sluicehq/sluice/pkg v0.0.0
	google.golang.org/genproto v0.0.0-20261019180522-ce908d29299b
	google.golang.org/genproto/googleapis/api v0.0.0-20261019180522-ce908d29299b
	google.golang.org/genproto/googleapis/rpc v0.0.0-20261019180522-ce908d29299b
)

replace github.com/sluicehq/sluice/pkg => ../../pkg

replace github.com/sluicehq/sluice/contracts => ../../contracts
