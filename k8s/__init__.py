"""The Kubernetes side: charts that know nothing of AWS but the strings they are given."""
