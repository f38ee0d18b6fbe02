// Command versitygw serves the IAM and STS of Versity's S3 gateway on loopback, and prints
// the address. They are independent of keyd, and close to AWS, so the contract tests ask
// them as well as the simulator. It is a module of its own, since keyd needs none of it.
//
//	KEYD_CONTRACT_ROOT=ID:SECRET go run . FOLDER
package main

import (
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/versity/versitygw/iamapi"
	"github.com/versity/versitygw/iamapi/storage"
)

func main() {
	if err := serve(); err != nil {
		fmt.Fprintln(os.Stderr, "versitygw:", err)
		os.Exit(1)
	}
}

func serve() error {
	if len(os.Args) != 2 {
		return fmt.Errorf("usage: versitygw FOLDER")
	}
	store, err := storage.NewInternal(os.Args[1])
	if err != nil {
		return err
	}
	id, secret, _ := strings.Cut(os.Getenv("KEYD_CONTRACT_ROOT"), ":")
	server, err := iamapi.New(store, iamapi.RootCredentials{Access: id, Secret: secret}, iamapi.WithQuiet())
	if err != nil {
		return err
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	address := free.Addr().String()
	if err := free.Close(); err != nil { // the server listens by itself
		return err
	}
	fmt.Println(address)
	return server.ServeMultiPort([]string{address})
}
