package deploy_test

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
)

// project reads compose.yaml as docker compose does, against its schema.
func project(t *testing.T) *types.Project {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join(root, "deploy", "compose"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := loader.LoadWithContext(t.Context(), types.ConfigDetails{
		WorkingDir: dir, ConfigFiles: []types.ConfigFile{{Filename: filepath.Join(dir, "compose.yaml")}}, Environment: types.Mapping{},
	}, func(o *loader.Options) {
		o.SetProjectName("sluice", true)
		o.Profiles = []string{"*"}
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// ours reports whether a service runs Sluice, and which of its services.
func ours(s types.ServiceConfig) (name string, ok bool) {
	if !strings.HasPrefix(s.Image, "sluice:") {
		return "", false
	}
	if len(s.Command) > 1 && s.Command[0] == "run" {
		return s.Command[1], true
	}
	return "", true
}

func TestCompose_RunsEveryService(t *testing.T) {
	t.Parallel()
	p := project(t)
	copies := map[string]int{}
	for _, s := range p.Services {
		if name, ok := ours(s); ok && name != "" {
			copies[name]++
		}
	}
	for _, name := range services() {
		want := 1
		if name == "edge" {
			want = 2
		}
		if copies[name] != want {
			t.Errorf("%d of %s, want %d", copies[name], name, want)
		}
	}
	if len(copies) != len(services()) {
		t.Errorf("services that there are not: %v", copies)
	}
	for _, group := range []string{"nats-", "mongo-"} {
		n := 0
		for name := range p.Services {
			if strings.HasPrefix(name, group) && len(name) == len(group)+1 {
				n++
			}
		}
		if n != 3 {
			t.Errorf("%d of %s, want 3", n, group)
		}
	}
}

// once are the services that end by themselves or that somebody starts by hand.
func once() []string { return []string{"declare", "mongo-init", "operator", "volumes"} }

// isRoot reports whether a service may be root: the one that hands new volumes to
// who writes to them. It may do nothing else.
func isRoot(t *testing.T, name string, s types.ServiceConfig) bool {
	t.Helper()
	if name != "volumes" {
		return false
	}
	if !slices.Equal(s.CapAdd, []string{"CHOWN"}) || s.NetworkMode != "none" || len(s.Secrets) > 0 {
		t.Errorf("%s: adds %v, network %q, %d secrets", name, s.CapAdd, s.NetworkMode, len(s.Secrets))
	}
	return true
}

func TestCompose_IsHardened(t *testing.T) {
	t.Parallel()
	for name, s := range project(t).Services {
		asRoot := isRoot(t, name, s)
		if !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) || len(s.CapAdd) > 0 && !asRoot || s.Privileged || !slices.Contains(s.SecurityOpt, "no-new-privileges:true") {
			t.Errorf("%s: read only %t, drops %v, adds %v, %v", name, s.ReadOnly, s.CapDrop, s.CapAdd, s.SecurityOpt)
		}
		if !regexp.MustCompile(`^[1-9][0-9]*:[1-9][0-9]*$`).MatchString(s.User) && !asRoot {
			t.Errorf("%s: user %q is no number other than root's", name, s.User)
		}
		if s.Deploy == nil || s.Deploy.Resources.Limits == nil || s.Deploy.Resources.Limits.MemoryBytes == 0 || s.Deploy.Resources.Limits.NanoCPUs == 0 {
			t.Errorf("%s: no limits", name)
		}
		if tag := s.Image[strings.LastIndex(s.Image, ":")+1:]; tag == s.Image || tag == "latest" {
			t.Errorf("%s: image %s has no version", name, s.Image)
		}
		if want := slices.Contains(once(), name); want != (s.Restart == "no") {
			t.Errorf("%s: restart %q", name, s.Restart)
		}
		// Without a shell or a client in the image there is nothing to ask with.
		mute := slices.Contains(append(once(), "otel-collector", "tempo", "grafana"), name)
		if (s.HealthCheck != nil && !s.HealthCheck.Disable) == mute {
			t.Errorf("%s: health check %v", name, s.HealthCheck)
		}
		if s.HealthCheck != nil && !s.HealthCheck.Disable && s.HealthCheck.Test[0] != "CMD" {
			t.Errorf("%s: its health check needs a shell: %v", name, s.HealthCheck.Test)
		}
		for _, v := range s.Volumes {
			if v.Type == types.VolumeTypeBind && !v.ReadOnly {
				t.Errorf("%s: %s is mounted for writing", name, v.Source)
			}
		}
		for _, port := range s.Ports {
			if port.HostIP != "127.0.0.1" {
				t.Errorf("%s: port %s is open to all", name, port.Published)
			}
		}
	}
}

// TestCompose_VolumesBelongToWhoWrites: a new volume is root's, unless its image
// has the folder, with an owner.
func TestCompose_VolumesBelongToWhoWrites(t *testing.T) {
	t.Parallel()
	p := project(t)
	// Folders of images whose owner is the user that compose.yaml gives.
	owned := []string{"/data/db", "/data/configdb", "/prometheus", "/var/lib/grafana"}
	script := strings.Join(p.Services["volumes"].Command, " ")
	there := map[string]string{} // of the one that hands them over
	for _, v := range p.Services["volumes"].Volumes {
		there[v.Source] = v.Target
	}
	for name, s := range p.Services {
		for _, v := range s.Volumes {
			if name == "volumes" || v.Type != types.VolumeTypeVolume || slices.Contains(owned, v.Target) {
				continue
			}
			hands := regexp.MustCompile(`chown ` + s.User + ` [^&]*` + regexp.QuoteMeta(there[v.Source]) + `( |$)`)
			if there[v.Source] == "" || !hands.MatchString(script) {
				t.Errorf("%s: nobody gives volume %s to %s: %s", name, v.Source, s.User, script)
			}
			if d := s.DependsOn["volumes"]; d.Condition != types.ServiceConditionCompletedSuccessfully {
				t.Errorf("%s: it does not wait until volume %s is its own", name, v.Source)
			}
		}
	}
}

func TestCompose_FilesAreThere(t *testing.T) {
	t.Parallel()
	p := project(t)
	script := read(t, "deploy", "compose", "secrets.sh")
	for name, s := range p.Secrets {
		rel, err := filepath.Rel(p.WorkingDir, s.File)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Base(rel)
		// The credentials and users.conf are made by one command.
		made := strings.Contains(script, "$dir/"+file) || strings.HasPrefix(file, "nats") || file == "users.conf" || file == "passwords.conf"
		if filepath.Dir(rel) != "secrets" || !made {
			t.Errorf("secret %s: secrets.sh does not make %s", name, rel)
		}
	}
	for name, c := range p.Configs {
		if _, err := os.Stat(c.File); err != nil {
			t.Errorf("config %s: %v", name, err)
		}
	}
	for name, s := range p.Services {
		for _, v := range s.Volumes {
			if v.Type != types.VolumeTypeBind {
				continue
			}
			if _, err := os.Stat(v.Source); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if s.Build != nil {
			if _, err := os.Stat(filepath.Join(s.Build.Context, s.Build.Dockerfile)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// env gives what a service's process finds in its environment.
func env(s types.ServiceConfig) map[string]string {
	out := map[string]string{}
	for k, v := range s.Environment {
		if v != nil {
			out[k] = *v
		}
	}
	return out
}

func TestCompose_SettingsOfServices(t *testing.T) {
	t.Parallel()
	p, there := project(t), settings(t)
	for name, s := range p.Services {
		service, ok := ours(s)
		if !ok {
			continue
		}
		e := env(s)
		for k := range e {
			there.known(t, name, k)
		}
		secrets := map[string]bool{}
		for _, x := range s.Secrets {
			target := x.Target
			if target == "" {
				target = x.Source
			}
			secrets["/run/secrets/"+filepath.Base(target)] = true
		}
		creds := e["SLUICE_NATS_CREDS_FILE"]
		if service != "" {
			creds = strings.TrimSuffix(creds, ".json") + "-" + service + ".json"
			if !secrets[e["SLUICE_KEY_FILE"]] {
				t.Errorf("%s: no master key", name)
			}
		}
		if !secrets[creds] {
			t.Errorf("%s: its credentials %s are not mounted; there are %v", name, creds, slices.Sorted(maps.Keys(secrets)))
		}
		// Its own credentials and nobody else's.
		for path := range secrets {
			if strings.Contains(path, "nats") && path != creds {
				t.Errorf("%s: it holds %s", name, path)
			}
		}
		if i := slices.Index(s.Command, "--config"); i >= 0 && !secrets[s.Command[i+1]] {
			t.Errorf("%s: %s is not mounted", name, s.Command[i+1])
		}
		for url := range strings.SplitSeq(e["SLUICE_NATS_URL"], ",") {
			host, port := split(strings.TrimPrefix(url, "nats://"))
			if _, ok := p.Services[host]; !ok || port != "4222" {
				t.Errorf("%s: there is no nats-server %s", name, url)
			}
		}
		if service != "" && s.StopGracePeriod == nil {
			t.Errorf("%s: docker kills it after 10 s, in the middle of transfers", name)
		}
	}
}

func split(addr string) (host, port string) {
	host, port, _ = strings.Cut(addr, ":")
	return host, port
}

// TestCompose_NobodyElseReachesTheData keeps NATS and MongoDB on a network that
// leads nowhere.
func TestCompose_NobodyElseReachesTheData(t *testing.T) {
	t.Parallel()
	p := project(t)
	for name, s := range p.Services {
		stores := strings.HasPrefix(name, "nats-") || strings.HasPrefix(name, "mongo-") && name != "mongo-init"
		if strings.HasPrefix(name, "nats-") && s.StopSignal != "SIGUSR2" {
			t.Errorf("%s: %q ends it without a word to its clients", name, s.StopSignal)
		}
		if stores && (len(s.Networks) != 1 || len(s.Ports) > 0) {
			t.Errorf("%s: networks %v, ports %v", name, s.Networks, s.Ports)
		}
		for net := range s.Networks {
			if stores && !p.Networks[net].Internal {
				t.Errorf("%s: network %s leads out", name, net)
			}
		}
	}
}
