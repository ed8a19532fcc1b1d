package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluicehq/sluice/services/sluice"
	"github.com/sluicehq/sluice/services/sluice/internal/doctor"
	"github.com/sluicehq/sluice/services/sluice/internal/profile"
)

// ExitError ends the process with a code of its own; what it says has been
// printed, or is said by Err.
type ExitError struct {
	Code int
	Err  error
}

// Error implements error.
func (e *ExitError) Error() string { return e.Err.Error() }

// Unwrap gives what it says.
func (e *ExitError) Unwrap() error { return e.Err }

// errFindings is what the doctor ends with when something is wrong.
var errFindings = errors.New("the doctor found something that is wrong")

func doctorCommand() *cobra.Command {
	var asJSON, strict, quiet bool
	var within, stale time.Duration
	var only []string
	c := &cobra.Command{
		Use: "doctor", Short: "look at the whole installation, say what is wrong and what to do; nothing is changed", Args: cobra.NoArgs,
		Long: `Look at settings, files, free space, clocks, the master key, NATS, streams, consumers, dead
letters, KV buckets, object stores, documents and their indexes, the services and the edge.
Run it with the settings of the services (--config, variables, flags) and as their user.

Exit codes: 0 nothing is wrong, 1 warnings (with --strict), 2 something does not work.`,
		RunE: func(c *cobra.Command, _ []string) error {
			file, err := c.Flags().GetString("config")
			if err != nil {
				return err
			}
			in := doctor.Input{File: file, Within: within, Stale: stale, Only: only}
			for _, name := range only {
				if !slices.Contains(doctor.Names(), name) {
					return fmt.Errorf("there is no check %q; there are %s", name, strings.Join(doctor.Names(), ", "))
				}
			}
			in.Config, in.LoadErr = load(c)
			for _, name := range sluice.UnknownVariables() {
				if !slices.Contains(profile.Variables(), name) { // those are of the object commands
					in.Unknown = append(in.Unknown, name)
				}
			}
			r := doctor.Run(c.Context(), in)
			if err := showReport(c, r, asJSON, quiet); err != nil {
				return err
			}
			if code := r.ExitCode(strict); code != 0 {
				return &ExitError{Code: code, Err: errFindings}
			}
			return nil
		},
	}
	bind(c.Flags())
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().BoolVar(&strict, "strict", false, "end with 1 when there are warnings")
	c.Flags().StringSliceVar(&only, "only", nil, "make only these checks, comma list: "+strings.Join(doctor.Names(), ", "))
	c.Flags().BoolVar(&quiet, "quiet", false, "print only what is wrong")
	c.Flags().DurationVar(&within, "within", 5*time.Second, "how long each check may take")
	c.Flags().DurationVar(&stale, "stale", 5*time.Minute, "from which age on a message that waits for a consumer is a warning")
	return c
}

// showReport prints a line per finding, and under it what to do.
func showReport(c *cobra.Command, r doctor.Report, asJSON, quiet bool) error {
	shown := doctor.Report{Findings: []doctor.Finding{}}
	count := map[doctor.Level]int{}
	for _, f := range r.Findings {
		count[f.Level]++
		if !quiet || f.Level != doctor.OK {
			shown.Findings = append(shown.Findings, f)
		}
	}
	out := c.OutOrStdout()
	if asJSON {
		return printJSON(out, shown)
	}
	for _, f := range shown.Findings {
		what := f.Check
		if f.About != "" {
			what = fmt.Sprintf("%s: %s", f.Check, f.About)
		}
		if err := printf(out, "%-4s  %s: %s\n", f.Level, what, f.Finding); err != nil {
			return err
		}
		if f.Advice != "" {
			if err := printf(out, "      -> %s\n", f.Advice); err != nil {
				return err
			}
		}
	}
	return printf(out, "%d ok, %d warnings, %d failures\n", count[doctor.OK], count[doctor.Warn], count[doctor.Fail])
}
