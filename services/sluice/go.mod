module github.com/sluicehq/sluice/services/sluice

go 1.26.8

require (
	github.com/sluicehq/sluice/contracts v0.0.0
	github.com/sluicehq/sluice/pkg v0.0.0
	github.com/sluicehq/sluice/services/auth v0.0.0
	github.com/sluicehq/sluice/services/edge v0.0.0
	github.com/sluicehq/sluice/services/object v0.0.0
	github.com/sluicehq/sluice/services/upload v0.0.0
	github.com/sluicehq/sluice/services/webhook v0.0.0
	google.golang.org/genproto v0.0.0-20261019180522-ce908d29299b
	google.golang.org/genproto/googleapis/api v0.0.0-20261019180522-ce908d29299b
	google.golang.org/genproto/googleapis/rpc v0.0.0-20261019180522-ce908d29299b
)

require (
	github.com/inconshreveable/mousetrap v1.1.0 // indirect
	github.com/spf13/cobra v1.10.2 // indirect
	github.com/spf13/pflag v1.0.10 // indirect
)

replace github.com/sluicehq/sluice/pkg => ../../pkg

replace github.com/sluicehq/sluice/contracts => ../../contracts

replace github.com/sluicehq/sluice/services/edge => ../../services/edge

replace github.com/sluicehq/sluice/services/auth => ../../services/auth

replace github.com/sluicehq/sluice/services/object => ../../services/object

replace github.com/sluicehq/sluice/services/upload => ../../services/upload

replace github.com/sluicehq/sluice/services/webhook => ../../services/webhook
