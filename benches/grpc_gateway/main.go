// Command grpc_gateway stands before a gRPC server as grpc-gateway does by its manual: what benches/rest.sh
// compares the server's own REST with. It prints where it listens.
//
//	grpc_gateway HOST:PORT
package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/encoding/protojson"

	gateway "cidadao.ai/benches/grpc_gateway/gen/cidadao/v1"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: grpc_gateway HOST:PORT")
	}
	connection, err := grpc.NewClient(os.Args[1], grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	// The names that the server's own REST uses, so that both write the same.
	mux := runtime.NewServeMux(runtime.WithMarshalerOption(runtime.MIMEWildcard, &runtime.JSONPb{
		MarshalOptions: protojson.MarshalOptions{UseProtoNames: true, EmitUnpopulated: true},
	}))
	if err := gateway.RegisterInvestigationServiceHandler(context.Background(), mux, connection); err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(listener.Addr())
	log.Fatal(http.Serve(listener, mux))
}
