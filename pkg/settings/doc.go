// Package settings fills a struct from defaults, a strict YAML file, the
// environment and flags, in that order, and prints what came out.
//
// A setting is a field with a koanf tag. Its place in the file is the path of
// tags ("mongodb.uri"), its variable is the prefix and that path in upper case
// ("SLUICE_MONGODB_URI"), its flag that path with dashes ("--mongodb-uri").
// Tags: koanf:"name" or koanf:",squash" for an embedded struct; doc:"one line";
// flag:"name" or flag:"-"; env:"FULL_NAME".
//
// Fields are strings, bools, numbers, time.Duration, Bytes, Secret, types that
// unmarshal text, slices of those (comma lists outside of YAML), and structs.
package settings
