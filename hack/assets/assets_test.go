package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func fillDir(t *testing.T, dir string, names ...string) {
	t.Helper()
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

func TestGivenAssetsAreChecked(t *testing.T) {
	dir := t.TempDir()
	fillDir(t, dir, "etcd", "kubectl")
	t.Setenv("KUBEBUILDER_ASSETS", dir)
	if _, err := assets(t.Context()); err == nil || !strings.Contains(err.Error(), "has no kube-apiserver") {
		t.Errorf("without a kube-apiserver the error is %v", err)
	}
	fillDir(t, dir, "kube-apiserver")
	if got, err := assets(t.Context()); err != nil || got != dir {
		t.Errorf("got %q, %v, want %q", got, err, dir)
	}
}

func TestDirectoryIsCompleteOnlyAtTheWantedVersions(t *testing.T) {
	dir := t.TempDir()
	want := versions{kubernetes: "v1.37.2", etcd: "v3.7.3"}
	fillDir(t, dir, "etcd", "kubectl", "kube-apiserver")
	if complete(dir, want) {
		t.Error("complete without a stamp")
	}
	if err := writeStamp(dir, want); err != nil {
		t.Fatal(err)
	}
	if !complete(dir, want) {
		t.Error("not complete with everything there")
	}
	if complete(dir, versions{kubernetes: "v1.37.3", etcd: "v3.7.3"}) {
		t.Error("complete at another version")
	}
	if err := os.Remove(filepath.Join(dir, "etcd")); err != nil {
		t.Fatal(err)
	}
	if complete(dir, want) {
		t.Error("complete without etcd")
	}
}

func TestFailedWriteLeavesTheFileAsItWas(t *testing.T) {
	dir := t.TempDir()
	fillDir(t, dir, "etcd")
	broken := errors.New("broken")
	err := replaceFile(filepath.Join(dir, "etcd"), func(temporary string) error {
		fillDir(t, dir, filepath.Base(temporary))
		return broken
	})
	if !errors.Is(err, broken) {
		t.Errorf("the error is %v, want %v", err, broken)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("the directory holds %v, %v, want etcd alone", entries, err)
	}
}

func TestEnvtestVersionIsAnyPatchOfTheMinor(t *testing.T) {
	if got, want := (versions{kubernetes: "v1.37.2"}).envtest(), "1.37.x"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
