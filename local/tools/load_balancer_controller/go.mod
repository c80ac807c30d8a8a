module mindforce.local/tools/load_balancer_controller

go 1.26.0

require sigs.k8s.io/aws-load-balancer-controller v0.0.0-20260505182222-46816a2070db
