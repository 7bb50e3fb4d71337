package cidadao_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// rows of the sample: enough for an investigation to take half a second, so that a kill lands inside it.
const rows = "5000"

// product is the real binary, over a data directory of its own; it keeps its port when it is started
// again.
type product struct {
	data, grpc, metrics string
	process             *exec.Cmd
}

func (p *product) address() string { return "http://" + p.grpc }

// binary is the one that CIDADAO_BIN names, or the one that `cargo build` leaves.
var binary = sync.OnceValues(func() (string, error) {
	if named := os.Getenv("CIDADAO_BIN"); named != "" {
		return filepath.Abs(named)
	}
	cargo := exec.Command("cargo", "metadata", "--no-deps", "--format-version", "1", "--offline")
	cargo.Dir = "../.."
	output, err := cargo.Output()
	if err != nil {
		return "", fmt.Errorf("cargo metadata: %w", err)
	}
	var metadata struct {
		TargetDirectory string `json:"target_directory"`
	}
	err = json.Unmarshal(output, &metadata)
	return filepath.Join(metadata.TargetDirectory, "debug", "cidadao"), err
})

func (p *product) command(arguments ...string) (*exec.Cmd, error) {
	path, err := binary()
	if err != nil {
		return nil, err
	}
	return exec.Command(path, append([]string{"--data-dir", p.data}, arguments...)...), nil
}

func (p *product) run(arguments ...string) error {
	command, err := p.command(arguments...)
	if err != nil {
		return err
	}
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %w: %s", arguments, err, output)
	}
	return nil
}

func (p *product) start() (err error) {
	p.process, err = p.command("serve", "--lease-seconds", "2",
		"--grpc-addr", p.grpc, "--http-addr", "127.0.0.1:0", "--metrics-addr", p.metrics)
	if err != nil {
		return err
	}
	p.process.Env = append(os.Environ(), "CIDADAO_LOG=warn")
	p.process.Stderr = os.Stderr
	if err := p.process.Start(); err != nil {
		return err
	}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		connection, err := net.Dial("tcp", p.grpc)
		if err == nil {
			return connection.Close()
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the server does not listen: %w", err)
		}
	}
}

// end ends it and waits. After SIGKILL nothing is told to anybody; SIGTERM lets it say goodbye.
func (p *product) end(how os.Signal) {
	_ = p.process.Process.Signal(how)
	_ = p.process.Wait()
}

// freeAddress has a port below those that the system gives to connections (from 32,768): none takes it before a server does.
func freeAddress() (string, error) {
	for {
		address := fmt.Sprintf("127.0.0.1:%d", 10_000+rand.IntN(20_000))
		if listener, err := net.Listen("tcp", address); err == nil {
			return address, listener.Close()
		} else if !errors.Is(err, syscall.EADDRINUSE) {
			return "", err
		}
	}
}

func newProduct(directory string) (*product, error) {
	p := &product{data: filepath.Join(directory, "data")}
	var err error
	if p.grpc, err = freeAddress(); err != nil {
		return nil, err
	}
	if p.metrics, err = freeAddress(); err != nil {
		return nil, err
	}
	month := filepath.Join(directory, "month")
	if err := p.run("sample", "--rows", rows, "--seed", "1", "--out", month); err != nil {
		return nil, err
	}
	if err := p.run("import", month); err != nil {
		return nil, err
	}
	return p, p.start()
}

// server is shared by the tests: they run one after another.
var server *product

func TestMain(m *testing.M) {
	directory, err := os.MkdirTemp("", "cidadao-client-go")
	if err == nil {
		server, err = newProduct(directory)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	server.end(syscall.SIGKILL)
	os.RemoveAll(directory)
	os.Exit(code)
}
