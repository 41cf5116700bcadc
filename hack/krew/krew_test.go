package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func template(t *testing.T) (string, pluginManifest) {
	t.Helper()
	text, err := os.ReadFile("../../" + manifest)
	if err != nil {
		t.Fatal(err)
	}
	plugin, err := readManifest(text)
	if err != nil {
		t.Fatal(err)
	}
	return string(text), plugin
}

// TestTheManifestKeepsToKrewsRules checks what krew checks before it takes a manifest.
func TestTheManifestKeepsToKrewsRules(t *testing.T) {
	_, plugin := template(t)
	checkRules(t, plugin)
	got := map[string]bool{}
	for _, p := range plugin.Spec.Platforms {
		got[p.Selector.MatchLabels["os"]+"/"+p.Selector.MatchLabels["arch"]] = true
	}
	for _, want := range []string{"linux/amd64", "linux/arm64", "darwin/amd64", "darwin/arm64", "windows/amd64", "windows/arm64"} {
		if !got[want] {
			t.Errorf("there is no %s", want)
		}
	}
}

func checkRules(t *testing.T, plugin pluginManifest) {
	t.Helper()
	if plugin.APIVersion != "krew.googlecontainertools.github.com/v1alpha2" || plugin.Kind != "Plugin" {
		t.Errorf("it is a %s %s", plugin.APIVersion, plugin.Kind)
	}
	if !regexp.MustCompile(`^[\w-]+$`).MatchString(plugin.Metadata.Name) || plugin.Metadata.Name+".yaml" != path.Base(manifest) {
		t.Errorf("its name is %q", plugin.Metadata.Name)
	}
	if !isVersion(plugin.Spec.Version) {
		t.Errorf("its version is %q", plugin.Spec.Version)
	}
	if d := plugin.Spec.ShortDescription; d == "" || len(d) > 50 || strings.ContainsAny(d, "\r\n") || strings.HasSuffix(d, ".") {
		t.Errorf("its short description is %q", d)
	}
	for _, p := range plugin.Spec.Platforms {
		checkPlatform(t, p, plugin.Spec.Version)
	}
}

func checkPlatform(t *testing.T, p platform, version string) {
	t.Helper()
	if !regexp.MustCompile(`^[0-9a-f]{64}$`).MatchString(p.SHA256) {
		t.Errorf("%s has the sum %q", p.URI, p.SHA256)
	}
	windows := p.Selector.MatchLabels["os"] == "windows"
	if windows != strings.HasSuffix(p.Bin, ".exe") || windows != strings.HasSuffix(p.URI, ".zip") || !windows && !strings.HasSuffix(p.URI, ".tar.gz") {
		t.Errorf("%s holds %s", p.URI, p.Bin)
	}
	if !strings.Contains(p.URI, "/"+version+"/") {
		t.Errorf("%s is not of version %s", p.URI, version)
	}
}

func TestTheManifestIsFilledIn(t *testing.T) {
	text, plugin := template(t)
	sums := map[string]string{}
	for i, p := range plugin.Spec.Platforms {
		sums[path.Base(p.URI)] = strings.Repeat(fmt.Sprint(i), 64)
	}
	filled, err := fill(text, plugin.Spec.Version, "v1.2.3-rc.1", sums)
	if err != nil {
		t.Fatal(err)
	}
	got, err := readManifest([]byte(filled))
	if err != nil {
		t.Fatal(err)
	}
	checkRules(t, got)
	want := plugin
	want.Spec.Version = "v1.2.3-rc.1"
	want.Spec.Platforms = nil
	for i, p := range plugin.Spec.Platforms {
		p.SHA256, p.URI = strings.Repeat(fmt.Sprint(i), 64), strings.Replace(p.URI, "v0.0.0", "v1.2.3-rc.1", 1)
		want.Spec.Platforms = append(want.Spec.Platforms, p)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	delete(sums, path.Base(plugin.Spec.Platforms[0].URI))
	if _, err := fill(text, plugin.Spec.Version, "v1.2.3", sums); err == nil {
		t.Error("an archive is missing, and nobody says so")
	}
}

func TestVersions(t *testing.T) {
	for version, want := range map[string]bool{
		"v0.1.0": true, "v1.2.3-rc.1": true, "v1.2.3+build": true, "1.2.3": false, "v1.2": false, "447fcca-dirty": false, "": false, "v01.2.3": false,
	} {
		if isVersion(version) != want {
			t.Errorf("%q: %v", version, !want)
		}
	}
}

func TestArchivesHoldTheFilesAndAreTheSameEachTime(t *testing.T) {
	members := []member{{"kubectl-sim", 0o755, []byte("program")}, {"LICENSE", 0o644, []byte("text")}}
	for name, test := range map[string]struct {
		pack func([]member) ([]byte, error)
		list func(*testing.T, []byte) map[string]string
	}{
		"tar": {packTar, listTar},
		"zip": {packZip, listZip},
	} {
		t.Run(name, func(t *testing.T) {
			first, err := test.pack(members)
			if err != nil {
				t.Fatal(err)
			}
			second, err := test.pack(members)
			if err != nil || !bytes.Equal(first, second) {
				t.Errorf("the bytes differ; error %v", err)
			}
			want := map[string]string{"kubectl-sim": "-rwxr-xr-x program", "LICENSE": "-rw-r--r-- text"}
			if diff := cmp.Diff(want, test.list(t, first)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func listTar(t *testing.T, packed []byte) map[string]string {
	t.Helper()
	plain, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	list := map[string]string{}
	for archive := tar.NewReader(plain); ; {
		header, err := archive.Next()
		if err == io.EOF { //nolint:errorlint // that is how archive/tar says it
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		list[header.Name] = header.FileInfo().Mode().String() + " " + string(content)
	}
}

func listZip(t *testing.T, packed []byte) map[string]string {
	t.Helper()
	archive, err := zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
	if err != nil {
		t.Fatal(err)
	}
	list := map[string]string{}
	for _, file := range archive.File {
		opened, err := file.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(opened)
		if err != nil {
			t.Fatal(err)
		}
		list[file.Name] = file.Mode().String() + " " + string(content)
	}
	return list
}
