// What benches/rest.sh compares with; not part of the product.
module cidadao.ai/benches/grpc_gateway

go 1.26.0

tool github.com/grpc-ecosystem/grpc-gateway/v2/protoc-gen-grpc-gateway

require (
	cidadao.ai/clients/go v0.0.0
	github.com/grpc-ecosystem/grpc-gateway/v2 v2.33.0
	google.golang.org/grpc v1.85.0
	google.golang.org/protobuf v1.36.12
)

require (
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	golang.org/x/net v0.61.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/text v0.43.0 // indirect
	google.golang.org/genproto/googleapis/api v0.0.0-20261104224025-d1e00e9f33ab // indirect
	google.golang.org/genproto/googleapis/rpc v0.0.0-20261104224025-d1e00e9f33ab // indirect
)

replace cidadao.ai/clients/go => ../../clients/go
