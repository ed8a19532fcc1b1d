module github.com/sluicehq/sluice/services/upload

go 1.26.8

require (
	github.com/sluicehq/sluice/contracts v0.0.0
	github.com/sluicehq/sluice/pkg v0.0.0
)

replace github.com/sluicehq/sluice/pkg => ../../pkg

replace github.com/sluicehq/sluice/contracts => ../../contracts
