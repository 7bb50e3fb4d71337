// Messages, enums and schemas of the package cidadao.v1, as proto/cidadao/v1 documents them.

export * from "./gen/cidadao/v1/analysis_service_pb.js";
export * from "./gen/cidadao/v1/auth_service_pb.js";
export * from "./gen/cidadao/v1/common_pb.js";
export * from "./gen/cidadao/v1/contract_service_pb.js";
export * from "./gen/cidadao/v1/dataset_service_pb.js";
export * from "./gen/cidadao/v1/detector_service_pb.js";
export * from "./gen/cidadao/v1/health_service_pb.js";
export * from "./gen/cidadao/v1/investigation_service_pb.js";
