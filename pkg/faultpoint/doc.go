// Package faultpoint names the places where a crash is worth a test: between two
// writes that belong together, between a write and its answer.
//
// A normal build has nothing of it: Hit is an empty function. Built with the tag
// faultpoint, a process that comes to an armed point kills itself with SIGKILL.
// A point is armed by the file that SLUICE_FAULTPOINT names:
//
//	object.commit.head_moved 3
//
// is a point and how often it is let pass before the process dies (0 when there
// is no number). The file is renamed to *.hit first, by exactly one process, so
// that the one which takes its place lives, and so that the test knows where the
// process died. A file *.clock beside it, with a duration, puts the clock of the
// processes started from then on ahead, so that a test need not wait for leases.
//
// test/faults/points_test.go has a test for each point, and fails for a point of
// the code that it does not know.
package faultpoint
