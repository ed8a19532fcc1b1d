module github.com/sluicehq/sluice/test

go 1.26.8

require (
	github.com/sluicehq/sluice/contracts v0.0.0
	github.com/sluicehq/sluice/pkg v0.0.0
	github.com/sluicehq/sluice/services/auth v0.0.0
	github.com/sluicehq/sluice/services/edge v0.0.0
	github.com/sluicehq/sluice/services/object v0.0.0
	github.com/sluicehq/sluice/services/sluice v0.0.0
	github.com/sluicehq/sluice/services/upload v0.0.0
	github.com/sluicehq/sluice/services/webhook v0.0.0
	google.golang.org/genproto v0.0.0-20261019180522-ce908d29299b
	google.golang.org/genproto/googleapis/api v0.0.0-20261019180522-ce908d29299b
	google.golang.org/genproto/googleapis/rpc v0.0.0-20261019180522-ce908d29299b
)

require (
	github.com/FerretDB/FerretDB v1.24.2
	go.mongodb.org/mongo-driver/v2 v2.9.3
)

require (
	github.com/nats-io/nats.go v1.55.0
	github.com/standard-webhooks/standard-webhooks/libraries v0.0.1 // indirect
)

replace github.com/sluicehq/sluice/pkg => ../pkg

replace github.com/sluicehq/sluice/contracts => ../contracts

replace github.com/sluicehq/sluice/services/edge => ../services/edge

replace github.com/sluicehq/sluice/services/auth => ../services/auth

replace github.com/sluicehq/sluice/services/object => ../services/object

replace github.com/sluicehq/sluice/services/upload => ../services/upload

replace github.com/sluicehq/sluice/services/webhook => ../services/webhook

replace github.com/sluicehq/sluice/services/sluice => ../services/sluice
