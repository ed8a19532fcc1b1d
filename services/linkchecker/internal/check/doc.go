// Package check does the checks that wait in stream CHECKS: it asks hosts about
// links as politely as their rules say, however many checkers there are, and has
// what it finds recorded.
//
// A task that a checker has in its hands is still in the queue. It waits in the
// lane of its host; a lane's workers ask with a permit of its document in the store
// (Gate), so that hosts see one client, whoever dies. A permit outlives the requests
// that are made under it.
package check
