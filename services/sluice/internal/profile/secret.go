package profile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// maxSecret bounds what is read as a secret, bytes.
const maxSecret = 4 << 10

// ErrNoSecret is of an input that ended before a secret came.
var ErrNoSecret = errors.New("nothing came on standard input")

// ReadSecret takes a line from in; from a terminal without showing it, with what,
// which names it, as the prompt on errs. A byte order mark in front, as some
// shells of Windows write it, is no part of it.
func ReadSecret(in io.Reader, errs io.Writer, what string) (string, error) {
	if f, ok := in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		_, _ = io.WriteString(errs, what+": ")
		b, err := term.ReadPassword(int(f.Fd()))
		_, _ = io.WriteString(errs, "\n")
		if err != nil {
			return "", fmt.Errorf("reading the %s: %w", what, err)
		}
		return strings.TrimRight(string(b), "\r\n"), nil
	}
	line, err := bufio.NewReader(io.LimitReader(in, maxSecret)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("reading the %s: %w", what, err)
	}
	if line = strings.TrimPrefix(strings.TrimRight(line, "\r\n"), "\ufeff"); line == "" {
		return "", fmt.Errorf("reading the %s: %w", what, ErrNoSecret)
	}
	return line, nil
}
